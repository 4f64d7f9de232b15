"""Products on offer for a vehicle: groups, bundles, products, questions, favourites."""

from __future__ import annotations

import msgspec
from quart import Blueprint, Response, request

from gateway.domain.errors import Invalid, NotFound
from gateway.domain.money import Rate
from gateway.domain.principal import CustomerPrincipal
from gateway.rest.customer.cart import line_shape
from gateway.rest.customer.door import CustomerDoor, number_in_path
from gateway.rest.customer.paths import PATHS
from gateway.rest.customer.shapes import Currencies, Json, nothing, page, reply, slice_of
from gateway.storage.database import Connection
from gateway.storage.queries import prerequisites, products
from gateway.storage.queries.prerequisites import Prerequisite
from gateway.storage.queries.products import Bundle, Buyer, Offer, OfferFilter, ProductGroup
from gateway.storage.queries.vehicles import Variant
from gateway.tickets.basket import require_vehicle
from gateway.tickets.conversion import convert
from gateway.tickets.garages import garage_of
from gateway.tickets.prices import Charge, quote
from gateway.web import parameters
from gateway.web.auth import require_customer
from gateway.web.bodies import RowId, read_json
from gateway.web.paging import page_from


class FavouriteBody(msgspec.Struct, frozen=True):
    """Body of ``POST /v1/favorite-products``: a whole product, of which the id counts."""

    id: RowId


#: A vehicle as the parameters name it: model and variant.
_Vehicle = tuple[int, int]


def blueprint(door: CustomerDoor) -> Blueprint:
    """Return the products' routes."""
    routes = Blueprint("customer_products", __name__)
    _add_groups(routes, door)
    _add_favourites(routes, door)

    async def caller() -> CustomerPrincipal:
        return await require_customer(door.identity)

    @routes.get(PATHS["listProducts"])
    async def list_products() -> Response:
        customer = await caller()
        vehicle, wanted = _vehicle(), page_from(request.args, door.whole_lists)
        narrowed = _filter()

        def offers(connection: Connection) -> tuple[str, Rate | None, tuple[Offer, ...]]:
            variant = require_vehicle(connection, *vehicle)
            garage, now = garage_of(connection, customer.tenant_id), door.clock()
            found = products.offers(connection, variant, garage.buyer(now), narrowed)
            return garage.tenant.currency, garage.local_rate(connection, now), found

        currency, rate, found = await door.database.read(offers)
        shown = slice_of(found, wanted)
        return page(shown, wanted, lambda offer: product_shape(offer, currency, rate))

    @routes.get(PATHS["listProductPrerequisites"])
    async def list_prerequisites() -> Response:
        await caller()
        model_id, variant_id = _vehicle()
        wanted = page_from(request.args, door.whole_lists)
        ids = parameters.required(parameters.integers(request.args, "product_id"), "product_id")

        def asked(connection: Connection) -> tuple[Prerequisite, ...]:
            require_vehicle(connection, model_id, variant_id)
            _check_known(connection, ids)
            return prerequisites.prerequisites_of(connection, ids)

        found = await door.database.read(asked)
        return page(slice_of(found, wanted), wanted, prerequisite_shape)

    return routes


def _add_groups(routes: Blueprint, door: CustomerDoor) -> None:
    @routes.get("/v1/product-groups")
    async def list_groups() -> Response:
        customer = await require_customer(door.identity)
        vehicle, wanted = _vehicle(), page_from(request.args, door.whole_lists)

        def groups(connection: Connection) -> tuple[ProductGroup, ...]:
            variant, buyer = _for_whom(connection, door, customer, vehicle)
            return products.groups_on_offer(connection, variant, buyer)

        return page(slice_of(await door.database.read(groups), wanted), wanted, group_shape)

    @routes.get("/v1/product-bundles")
    async def list_bundles() -> Response:
        customer = await require_customer(door.identity)
        vehicle, wanted = _vehicle(), page_from(request.args, door.whole_lists)
        group_id = parameters.integer(request.args, "product_group_id")

        def bundles(connection: Connection) -> tuple[Bundle, ...]:
            variant, buyer = _for_whom(connection, door, customer, vehicle)
            return products.bundles_on_offer(connection, variant, buyer, group_id)

        return page(slice_of(await door.database.read(bundles), wanted), wanted, bundle_shape)


def _add_favourites(routes: Blueprint, door: CustomerDoor) -> None:
    @routes.post(PATHS["addFavoriteProduct"])
    async def add_favourite() -> Response:
        customer = await require_customer(door.identity)
        body = await read_json(request, FavouriteBody, lax=True)
        if not await door.database.write(products.add_favourite, customer.tenant_id, body.id):
            raise Invalid(
                "product.unknown", f"There is no product {body.id}. List them first.", field="id"
            )
        return reply(None, 201)

    @routes.delete(PATHS["removeFavoriteProduct"])
    async def remove_favourite(product_id: str) -> Response:
        customer = await require_customer(door.identity)
        number = number_in_path(product_id, "id")
        if not await door.database.write(products.remove_favourite, customer.tenant_id, number):
            raise NotFound("product.no_favourite", f"Product {number} is no favourite of yours.")
        return nothing()


def group_shape(group: ProductGroup) -> Json:
    """Return a product group."""
    return {"id": group.id, "name": group.name}


def bundle_shape(bundle: Bundle) -> Json:
    """Return a bundle with its blocks."""
    return {
        "id": str(bundle.id),
        "product_group_id": bundle.group_id,
        "name": bundle.name,
        "description": bundle.description,
        "reference": str(bundle.reference),
        "blocks": [
            {"optional": block.optional, "product_ids": list(block.product_ids)}
            for block in bundle.blocks
        ],
    }


def product_shape(offer: Offer, currency: str, rate: Rate | None = None) -> Json:
    """Return a product with its prices; ``price`` repeats them in the former spelling."""
    product = offer.product
    charge = Charge(product.id, offer.gross, 1, offer.reductions, offer.service_fee)
    alone = quote(currency, [charge])
    local = None if rate is None else convert(alone, rate)
    line = alone.lines[0]
    return {
        "id": product.id,
        "item_number": product.item_number,
        "name": product.name,
        "internal_name": product.internal_name,
        "description": product.description,
        "is_favorite": offer.is_favourite,
        "is_unattended": product.is_unattended,
        **line_shape(Currencies.of(alone, local), line, local and local.lines[0]),
        "price": {
            "price_original": line.price.gross,
            "price_final": line.price.net,
            "partner_price": line.price.net,
            "contains_discount": line.price.discount > 0,
            "currency": currency,
        },
    }


def prerequisite_shape(question: Prerequisite) -> Json:
    """Return a question with its options."""
    return {
        "id": question.id,
        "name": question.name,
        "description": question.description,
        "question": question.question,
        "required": question.required,
        "type": question.type.value,
        "options": [
            {"id": option.id, "productPrerequisiteId": question.id, "value": option.value}
            for option in question.options
        ],
    }


def _vehicle() -> _Vehicle:
    names = ("vehicle_model_id", "vehicle_model_variant_id")
    model, variant = (
        parameters.required(parameters.integer(request.args, name), name) for name in names
    )
    return model, variant


def _filter() -> OfferFilter:
    group_id = parameters.integer(request.args, "product_group_id")
    bundle_id = parameters.uuid(request.args, "product_bundle_id")
    if group_id is not None and bundle_id is not None:
        raise Invalid(
            "product.group_and_bundle",
            "product_group_id and product_bundle_id exclude each other. Send one of them.",
            field="product_bundle_id",
        )
    # The contract's default of true would hide all that is not marked: absent means any.
    favourite = parameters.flag(request.args, "is_favorite")
    return OfferFilter(group_id=group_id, bundle_id=bundle_id, favourite=favourite)


def _for_whom(
    connection: Connection, door: CustomerDoor, customer: CustomerPrincipal, vehicle: _Vehicle
) -> tuple[Variant, Buyer]:
    variant = require_vehicle(connection, *vehicle)
    return variant, garage_of(connection, customer.tenant_id).buyer(door.clock())


def _check_known(connection: Connection, product_ids: tuple[int, ...]) -> None:
    unknown = set(product_ids) - products.known_product_ids(connection, product_ids)
    if unknown:
        listed = ", ".join(str(one) for one in sorted(unknown)[:10])
        detail = f"There is no product {listed}. List the products for the vehicle."
        raise Invalid("product.unknown", detail, field="product_id")
