"""Make a checked catalogue the one in the database.

Rows that others refer to (vehicles, products, questions, vouchers) are found by their natural
key and keep their ids; what only describes them (fits, prices, patterns, discounts) is written
anew. Products that are no longer named stay, for the tickets that hold them, but are not offered.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from sqlalchemy import Connection, RowMapping, Table, delete, insert, select, update

from gateway.domain.catalogue import Catalogue, Part, ProductFitRow, VinPatternRow
from gateway.storage.queries.catalogue_names import Names, on_record
from gateway.storage.tables import catalogue as tables


@dataclass(frozen=True, slots=True)
class Imported:
    """How much there is of what."""

    makes: int
    models: int
    variants: int
    product_groups: int
    products: int
    vouchers: int


class _Keyed:
    """Rows of one table by natural key: finds them, or adds them, and knows their ids."""

    def __init__(self, connection: Connection, table: Table, *key: str) -> None:
        self._connection = connection
        self._table = table
        self._key = key
        rows = connection.execute(select(table)).mappings()
        self._rows = {tuple(row[column] for column in key): row for row in rows}
        #: Natural key -> id, of what was put since.
        self.ids: dict[tuple[object, ...], Any] = {}  # Any: an integer, or a UUID for bundles

    # Any: column values, and ids as above.
    def put(self, **values: Any) -> Any:
        key = tuple(values[column] for column in self._key)
        row = self._rows.get(key)
        if key in self.ids:
            return self.ids[key]
        if row is None:
            added = insert(self._table).values(values).returning(self._table.c.id)
            self.ids[key] = self._connection.execute(added).scalar_one()
        else:
            self.ids[key] = row["id"]
            self._change(row, values)
        return self.ids[key]

    # Any: column values.
    def _change(self, row: RowMapping, values: dict[str, Any]) -> None:
        new = {name: value for name, value in values.items() if row[name] != value}
        if new:
            self._connection.execute(
                update(self._table).where(self._table.c.id == row["id"]).values(new)
            )


def replace(
    connection: Connection, catalogue: Catalogue, parts: Collection[Part] = tuple(Part)
) -> Imported:
    """Write parts of ``catalogue`` over what there was of them.

    References are known to be right: within the catalogue, and from one part to what is on record
    of the others.
    """
    writer = _Writer(connection, catalogue, on_record(connection))
    if Part.VEHICLES in parts:
        writer.vehicles()
    if Part.PRODUCTS in parts:
        writer.products()
        writer.prerequisites()
        writer.bundles()
    if Part.PRICES in parts:
        writer.prices()
        writer.vouchers()
    return Imported(
        makes=len(writer.makes.ids),
        models=len(catalogue.models),
        variants=len(catalogue.variants),
        product_groups=len(writer.product_groups.ids),
        products=len(writer.product_ids.ids),
        vouchers=len(catalogue.vouchers),
    )


class _Writer:
    """Owns the ids of one import; dead when it is written."""

    def __init__(self, connection: Connection, catalogue: Catalogue, names: Names) -> None:
        self._connection = connection
        self._catalogue = catalogue
        self._names = names
        self.makes = _Keyed(connection, tables.make, "name")
        self.groups = dict(names.groups)
        self.models = dict(names.models)
        self.variants = dict(names.variants)
        self.product_groups = _Keyed(connection, tables.product_group, "name")
        self.product_ids = _Keyed(connection, tables.product, "item_number")

    def vehicles(self) -> None:
        """Write the tree, and how VINs lead into it."""
        wmis = [
            {
                "prefix": row.prefix,
                "make_id": self.makes.put(name=row.make),
                "year_position": row.year_position,
            }
            for row in self._catalogue.wmis
        ]
        self._rewrite(tables.make_wmi, wmis)
        self._models()
        self._variants()
        self._rewrite(tables.vin_pattern, map(self._pattern, self._catalogue.vin_patterns))

    def _models(self) -> None:
        groups = _Keyed(self._connection, tables.model_group, "make_id", "name")
        models = _Keyed(self._connection, tables.model, "model_group_id", "name")
        for row in self._catalogue.models:
            group_id = groups.put(make_id=self._make(row.make), name=row.model_group)
            self.groups[row.make, row.model_group] = group_id
            self.models[row.make, row.model] = models.put(
                model_group_id=group_id,
                name=row.model,
                manufactured_from=row.manufactured_from,
                manufactured_to=row.manufactured_to,
                requires_doip=row.requires_doip,
            )

    def _variants(self) -> None:
        variants = _Keyed(self._connection, tables.variant, "model_id", "name")
        doip = {(row.make, row.model): row.requires_doip for row in self._catalogue.models}
        for row in self._catalogue.variants:
            own = row.requires_doip
            self.variants[row.make, row.model, row.variant] = variants.put(
                model_id=self.models[row.make, row.model],
                name=row.variant,
                manufactured_from=row.manufactured_from,
                manufactured_to=row.manufactured_to,
                requires_doip=doip[row.make, row.model] if own is None else own,
            )

    # Any, here and below: values of columns of different types.
    def _pattern(self, row: VinPatternRow) -> dict[str, Any]:
        variant = row.variant
        return {
            "wmi": row.pattern[:3],
            "pattern": row.pattern,
            "model_id": self.models[row.make, row.model],
            "variant_id": variant and self.variants[row.make, row.model, variant],
            "year_from": row.year_from,
            "year_to": row.year_to,
        }

    def products(self) -> None:
        """Write groups and products, and which vehicles they are for."""
        for group in self._catalogue.product_groups:
            self.product_groups.put(name=group.name, rank=group.rank)
        self._connection.execute(update(tables.product).values(enabled=False))
        for row in self._catalogue.products:
            self.product_ids.put(
                item_number=row.item_number,
                product_group_id=self.product_groups.ids[row.product_group,],
                name=row.name,
                internal_name=row.internal_name,
                description=row.description,
                is_unattended=row.unattended,
                has_service_fee=row.service_fee,
            )
        offered = list(self.product_ids.ids.values())
        self._connection.execute(
            update(tables.product).where(tables.product.c.id.in_(offered)).values(enabled=True)
        )
        self._rewrite(tables.product_fit, map(self._fit, self._catalogue.product_fit))

    def _fit(self, row: ProductFitRow) -> dict[str, Any]:
        make, group, model, variant = row.make, row.model_group, row.model, row.variant
        return {
            "product_id": self._product(row.item_number),
            "make_id": make and self._make(make),
            "model_group_id": make and group and self.groups[make, group],
            "model_id": make and model and self.models[make, model],
            "variant_id": make and model and variant and self.variants[make, model, variant],
        }

    def prices(self) -> None:
        """Write prices, makers' fees and discounts."""
        prices = [
            {
                "product_id": self._product(row.item_number),
                "currency": row.currency,
                "gross": row.gross,
                "valid_from": row.valid_from,
                "valid_until": row.valid_until,
            }
            for row in self._catalogue.prices
        ]
        self._rewrite(tables.product_price, prices)
        fees = [
            {
                "make_id": self._make(row.make),
                "currency": row.currency,
                "amount": row.amount,
                "valid_from": row.valid_from,
                "valid_until": row.valid_until,
            }
            for row in self._catalogue.service_fees
        ]
        self._rewrite(tables.service_fee, fees)
        self._discounts()

    def _discounts(self) -> None:
        discounts = [
            {
                "description": row.description,
                "product_id": row.item_number and self._product(row.item_number),
                "product_group_id": row.product_group and self._product_group(row.product_group),
                "make_id": row.make and self._make(row.make),
                "kind": row.kind.value,
                "value": row.value,
                "currency": row.currency,
                "valid_from": row.valid_from,
                "valid_until": row.valid_until,
            }
            for row in self._catalogue.discounts
        ]
        self._rewrite(tables.discount, discounts)

    def prerequisites(self) -> None:
        """Write questions, their options, and which products ask them."""
        questions = _Keyed(self._connection, tables.prerequisite, "name")
        options = _Keyed(self._connection, tables.prerequisite_option, "prerequisite_id", "value")
        links = []
        for row in self._catalogue.prerequisites:
            question_id = questions.put(
                name=row.name,
                description=row.description,
                question=row.question,
                type=row.type,
                required=row.required,
            )
            for option in filter(None, row.options.split("|")):
                options.put(prerequisite_id=question_id, value=option.strip())
            links += [
                {"product_id": self._product(number), "prerequisite_id": question_id}
                for number in dict.fromkeys(row.item_numbers.split())
            ]
        self._rewrite(tables.product_prerequisite, links)
        kept = list(options.ids.values())
        gone = tables.prerequisite_option.c.id.not_in(kept)
        self._connection.execute(delete(tables.prerequisite_option).where(gone))

    def vouchers(self) -> None:
        """Write vouchers; how often they were used stays."""
        vouchers = _Keyed(self._connection, tables.voucher, "code")
        links = []
        for row in self._catalogue.vouchers:
            voucher_id = vouchers.put(
                code=row.code,
                description=row.description,
                kind=row.kind.value,
                value=row.value,
                currency=row.currency,
                valid_from=row.valid_from,
                valid_until=row.valid_until,
                use_limit=row.use_limit,
            )
            links += [
                {"voucher_id": voucher_id, "product_id": self._product(number)}
                for number in dict.fromkeys(row.item_numbers.split())
            ]
        self._rewrite(tables.voucher_product, links)

    def bundles(self) -> None:
        """Write bundles; their ids follow from their names."""
        self._connection.execute(delete(tables.bundle_product))
        named = {row.name: row for row in self._catalogue.bundles}
        bundles = [
            {
                "id": _uuid("bundle", row.name),
                "product_group_id": self.product_groups.ids[row.product_group,],
                "name": row.name,
                "description": row.description,
                "reference": _uuid("bundle-reference", row.name),
            }
            for row in named.values()
        ]
        self._rewrite(tables.product_bundle, bundles)
        members = [
            {
                "bundle_id": _uuid("bundle", row.name),
                "product_id": self._product(row.item_number),
                "block": row.block,
                "optional": row.optional,
            }
            for row in self._catalogue.bundles
        ]
        self._rewrite(tables.bundle_product, members)

    def _make(self, name: str) -> int:
        make_id: int | None = self.makes.ids.get((name,))
        return self._names.makes[name] if make_id is None else make_id

    def _product(self, item_number: str) -> int:
        product_id: int | None = self.product_ids.ids.get((item_number,))
        return self._names.products[item_number] if product_id is None else product_id

    def _product_group(self, name: str) -> int:
        group_id: int | None = self.product_groups.ids.get((name,))
        return self._names.product_groups[name] if group_id is None else group_id

    def _rewrite(self, table: Table, rows: Iterable[dict[str, Any]]) -> None:
        self._connection.execute(delete(table))
        batch = list(rows)
        if batch:
            self._connection.execute(insert(table), batch)


def _uuid(kind: str, name: str) -> UUID:
    return uuid5(NAMESPACE_URL, f"urn:catalogue:{kind}:{name}")
