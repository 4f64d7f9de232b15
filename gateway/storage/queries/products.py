"""Read what can be ordered for a vehicle, at which price, and what has to be asked first.

Everything is asked for a day: a price, fee, discount or voucher holds from its first day up to,
and not including, its last.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    ScalarSelect,
    Select,
    Table,
    and_,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
)
from sqlalchemy.exc import IntegrityError

from gateway.domain.money import Reduction, ReductionKind
from gateway.storage.queries.vehicles import Variant
from gateway.storage.tables.catalogue import (
    bundle_product,
    discount,
    favourite_product,
    product,
    product_bundle,
    product_fit,
    product_group,
    product_price,
    service_fee,
)


@dataclass(frozen=True, slots=True)
class ProductGroup:
    """Products with one purpose."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Product:
    """Something that can be ordered, whatever the vehicle."""

    id: int
    group_id: int
    item_number: str
    name: str
    internal_name: str
    description: str
    is_unattended: bool
    has_service_fee: bool


@dataclass(frozen=True, slots=True)
class Offer:
    """A product at its price of the day for one vehicle and garage.

    Attributes:
        product: what is offered.
        gross: the price before anything is taken off.
        reductions: what is taken off, in this order.
        service_fee: the maker's fee that comes with it, if there is one.
        is_favourite: the garage marked it.
    """

    product: Product
    gross: Decimal
    reductions: tuple[Reduction, ...]
    service_fee: Decimal | None
    is_favourite: bool


@dataclass(frozen=True, slots=True)
class Buyer:
    """For whom prices are asked.

    Attributes:
        tenant_id: the garage.
        currency: ISO 4217 code the garage pays in; a product without a price in it is not
            offered.
        day: the day whose prices hold.
    """

    tenant_id: int
    currency: str
    day: date


@dataclass(frozen=True, slots=True)
class OfferFilter:
    """What narrows a list of offers; ``None`` does not."""

    product_ids: Collection[int] | None = None
    group_id: int | None = None
    bundle_id: UUID | None = None
    favourite: bool | None = None


@dataclass(frozen=True, slots=True)
class BundleBlock:
    """Products of a bundle that are taken together."""

    optional: bool
    product_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Bundle:
    """Products that together reach one goal."""

    id: UUID
    group_id: int
    name: str
    description: str
    reference: UUID
    blocks: tuple[BundleBlock, ...]


EVERYTHING = OfferFilter()


def offers(
    connection: Connection, vehicle: Variant, buyer: Buyer, wanted: OfferFilter = EVERYTHING
) -> tuple[Offer, ...]:
    """Return what fits ``vehicle`` and has a price for ``buyer``, by group and item number."""
    rows = connection.execute(_offered(vehicle, buyer, wanted)).all()
    reductions = _reductions(connection, vehicle, buyer)
    fee = _service_fee(connection, vehicle, buyer)
    return tuple(
        Offer(
            product=_product(row),
            gross=row.gross,
            reductions=tuple(rule for matches, rule in reductions if matches(row)),
            service_fee=fee if row.has_service_fee else None,
            is_favourite=row.is_favourite,
        )
        for row in rows
    )


def groups_on_offer(
    connection: Connection, vehicle: Variant, buyer: Buyer
) -> tuple[ProductGroup, ...]:
    """Return the groups that hold at least one offer, in the order of the catalogue."""
    offered = _offered(vehicle, buyer, EVERYTHING).subquery()
    rows = connection.execute(
        select(product_group.c.id, product_group.c.name)
        .where(exists().where(offered.c.product_group_id == product_group.c.id))
        .order_by(product_group.c.rank, product_group.c.id)
    )
    return tuple(ProductGroup(row.id, row.name) for row in rows)


def bundles_on_offer(
    connection: Connection, vehicle: Variant, buyer: Buyer, group_id: int | None = None
) -> tuple[Bundle, ...]:
    """Return the bundles whose every required product is on offer; optional ones may lack."""
    on_offer = {row.id for row in connection.execute(_offered(vehicle, buyer, EVERYTHING))}
    query = select(product_bundle).order_by(product_bundle.c.name)
    if group_id is not None:
        query = query.where(product_bundle.c.product_group_id == group_id)
    bundles = connection.execute(query).all()
    members = _bundle_members(connection)
    found = (_bundle(row, members.get(row.id, ()), on_offer) for row in bundles)
    return tuple(bundle for bundle in found if bundle is not None)


def known_product_ids(connection: Connection, product_ids: Collection[int]) -> frozenset[int]:
    """Return those of ``product_ids`` that the catalogue has, fitting or not."""
    query = select(product.c.id).where(product.c.id.in_(product_ids), product.c.enabled)
    return frozenset(connection.execute(query).scalars())


def add_favourite(connection: Connection, tenant_id: int, product_id: int) -> bool:
    """Mark a product for a garage; False when there is no such product."""
    if not known_product_ids(connection, (product_id,)):
        return False
    # Marked already, or by somebody else at this moment: it is marked.
    with suppress(IntegrityError), connection.begin_nested():
        connection.execute(
            insert(favourite_product).values(tenant_id=tenant_id, product_id=product_id)
        )
    return True


def remove_favourite(connection: Connection, tenant_id: int, product_id: int) -> bool:
    """Take a mark away; False when there was none."""
    removed = connection.execute(
        delete(favourite_product).where(
            favourite_product.c.tenant_id == tenant_id,
            favourite_product.c.product_id == product_id,
        )
    )
    return removed.rowcount > 0


# Any, here and below: a row's type is that of the columns selected.
def _offered(vehicle: Variant, buyer: Buyer, wanted: OfferFilter) -> Select[Any]:
    price = product_price
    favourite = exists().where(
        favourite_product.c.tenant_id == buyer.tenant_id,
        favourite_product.c.product_id == product.c.id,
    )
    query = (
        select(product, price.c.gross, favourite.label("is_favourite"))
        .join(product_group, product_group.c.id == product.c.product_group_id)
        .join(price, price.c.product_id == product.c.id)
        .where(
            product.c.enabled,
            price.c.currency == buyer.currency,
            valid_on(price, buyer.day),
            price.c.valid_from == _newest_price(buyer),
            _fits(vehicle),
        )
        .order_by(product_group.c.rank, product.c.item_number)
    )
    if wanted.product_ids is not None:
        query = query.where(product.c.id.in_(wanted.product_ids))
    if wanted.group_id is not None:
        query = query.where(product.c.product_group_id == wanted.group_id)
    if wanted.bundle_id is not None:
        query = query.where(
            exists().where(
                bundle_product.c.product_id == product.c.id,
                bundle_product.c.bundle_id == wanted.bundle_id,
            )
        )
    if wanted.favourite is not None:
        query = query.where(favourite if wanted.favourite else ~favourite)
    return query


def valid_on(dated: Table, day: date) -> ColumnElement[bool]:
    """Return the condition that a row of a dated table holds on ``day``."""
    open_end = or_(dated.c.valid_until.is_(None), dated.c.valid_until > day)
    return and_(dated.c.valid_from <= day, open_end)


def _newest_price(buyer: Buyer) -> ScalarSelect[Any]:
    # Where two prices overlap the one that began later holds: a new list needs no end of the old.
    newer = product_price.alias("newer")
    return (
        select(func.max(newer.c.valid_from))
        .where(
            newer.c.product_id == product.c.id,
            newer.c.currency == buyer.currency,
            newer.c.valid_from <= buyer.day,
        )
        .correlate(product)
        .scalar_subquery()
    )


def _fits(vehicle: Variant) -> ColumnElement[bool]:
    fit = product_fit
    model = vehicle.model
    levels = (
        (fit.c.make_id, model.group.make.id),
        (fit.c.model_group_id, model.group.id),
        (fit.c.model_id, model.id),
        (fit.c.variant_id, vehicle.id),
    )
    return exists().where(
        fit.c.product_id == product.c.id,
        *(or_(column.is_(None), column == wanted) for column, wanted in levels),
    )


def _reductions(
    connection: Connection, vehicle: Variant, buyer: Buyer
) -> list[tuple[_Narrowing, Reduction]]:
    make_id = vehicle.model.group.make.id
    rows = connection.execute(
        select(discount)
        .where(
            valid_on(discount, buyer.day),
            or_(discount.c.make_id.is_(None), discount.c.make_id == make_id),
            or_(discount.c.currency.is_(None), discount.c.currency == buyer.currency),
        )
        .order_by(discount.c.id)
    )
    return [
        (
            _Narrowing(row.product_id, row.product_group_id),
            Reduction(ReductionKind(row.kind), row.value, row.description),
        )
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class _Narrowing:
    """Which products a discount is for."""

    product_id: int | None
    group_id: int | None

    def __call__(self, row: Row[Any]) -> bool:
        return self.product_id in {None, row.id} and self.group_id in {None, row.product_group_id}


def _service_fee(connection: Connection, vehicle: Variant, buyer: Buyer) -> Decimal | None:
    fee: Decimal | None = connection.execute(
        select(service_fee.c.amount)
        .where(
            service_fee.c.make_id == vehicle.model.group.make.id,
            service_fee.c.currency == buyer.currency,
            valid_on(service_fee, buyer.day),
        )
        .order_by(service_fee.c.valid_from.desc())
        .limit(1)
    ).scalar()
    return fee or None


def _product(row: Row[Any]) -> Product:
    return Product(
        id=row.id,
        group_id=row.product_group_id,
        item_number=row.item_number,
        name=row.name,
        internal_name=row.internal_name,
        description=row.description,
        is_unattended=row.is_unattended,
        has_service_fee=row.has_service_fee,
    )


def _bundle_members(connection: Connection) -> Mapping[UUID, list[Row[Any]]]:
    members: dict[UUID, list[Row[Any]]] = {}
    order = (bundle_product.c.block, bundle_product.c.product_id)
    for row in connection.execute(select(bundle_product).order_by(*order)):
        members.setdefault(row.bundle_id, []).append(row)
    return members


def _bundle(row: Row[Any], members: Collection[Row[Any]], on_offer: set[int]) -> Bundle | None:
    blocks: dict[tuple[int, bool], list[int]] = {}
    for member in members:
        if member.product_id in on_offer:
            blocks.setdefault((member.block, member.optional), []).append(member.product_id)
        elif not member.optional:
            return None
    return Bundle(
        id=row.id,
        group_id=row.product_group_id,
        name=row.name,
        description=row.description,
        reference=row.reference,
        blocks=tuple(BundleBlock(optional, tuple(ids)) for (_, optional), ids in blocks.items()),
    )
