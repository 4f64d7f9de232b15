"""``/v1/cart/calculate-prices``: what an order would cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

import msgspec
from quart import Blueprint, Response, request

from gateway.rest.customer.door import CustomerDoor
from gateway.rest.customer.shapes import (
    Currencies,
    Json,
    discount,
    fee_or_null,
    money,
    money_or_null,
    prices,
    reply,
)
from gateway.storage.queries.products import Product
from gateway.tickets.basket import Basket, PricedBasket
from gateway.tickets.prices import PricedLine, Quote, Sum, kind_of
from gateway.web.auth import require_customer
from gateway.web.bodies import RowId, read_json

#: Product ids as sent: some clients nest them one deeper.
ProductIds = Annotated[list[RowId | list[RowId]], msgspec.Meta(max_length=200)]


class CartBody(msgspec.Struct, frozen=True):
    """Body of the request; numbers may come as text."""

    vehicle_model_id: RowId
    vehicle_model_variant_id: RowId
    product_ids: ProductIds
    voucher: Annotated[str, msgspec.Meta(max_length=32)] | None = None
    vin: Annotated[str, msgspec.Meta(pattern=r"^[a-zA-Z0-9]{17}$")] | None = None
    prepared_ticket_id: UUID | None = None


def blueprint(door: CustomerDoor) -> Blueprint:
    """Return the cart's route."""
    routes = Blueprint("customer_cart", __name__)

    @routes.post("/v1/cart/calculate-prices")
    async def calculate() -> Response:
        customer = await require_customer(door.identity)
        body = await read_json(request, CartBody, lax=True)
        basket = Basket(
            body.vehicle_model_id,
            body.vehicle_model_variant_id,
            flat(body.product_ids),
            body.voucher,
        )
        priced = await door.tickets.price(customer, basket, body.prepared_ticket_id)
        return reply(cart_shape(basket, priced))

    return routes


def flat(product_ids: ProductIds) -> tuple[int, ...]:
    """Return product ids in one row, however they were nested."""
    nested = (one if isinstance(one, list) else [one] for one in product_ids)
    return tuple(product_id for several in nested for product_id in several)


def cart_shape(basket: Basket, priced: PricedBasket) -> Json:
    """Return a priced basket; ``voucher_sub_total`` is ``None`` without a voucher."""
    quote, local = priced.quote, priced.local
    currencies = Currencies.of(quote, local)
    applied = [one for line in quote.lines for one in line.applied]
    redeemed = [*applied, quote.voucher] if quote.voucher else applied
    return {
        "voucher": priced.voucher.code if priced.voucher else None,
        "voucher_discount": _voucher_discount(currencies, quote, local),
        "vehicle_model_id": basket.model_id,
        "vehicle_model_variant_id": basket.variant_id,
        "needs_confirmation_for_unattended_service": priced.needs_confirmation,
        "sub_total": prices(
            currencies, quote.sub_total, local and local.sub_total, kind_of(applied)
        ),
        "voucher_sub_total": prices(
            currencies, quote.after_voucher, local and local.after_voucher, kind_of(redeemed)
        )
        if quote.voucher
        else None,
        "original_equipment_service_fee": fee_or_null(
            currencies, quote.service_fee, local and local.service_fee
        ),
        "total": prices(currencies, quote.total, local and local.total, kind_of(redeemed)),
        "items": _items(currencies, priced),
    }


def _voucher_discount(currencies: Currencies, quote: Quote, local: Quote | None) -> Json | None:
    voucher = quote.voucher
    if voucher is None:
        return None
    before = quote.sub_total.net
    own = local.voucher.amount if local is not None and local.voucher is not None else None
    return discount(
        voucher.reduction.kind,
        Sum(before, before - voucher.amount).percentage,
        money(currencies, voucher.amount, own),
    )


def _items(currencies: Currencies, priced: PricedBasket) -> list[Json]:
    lines, local = priced.quote.lines, priced.local
    own: Sequence[PricedLine | None] = [None] * len(lines) if local is None else local.lines
    return [
        _item(currencies, offer.product, line, converted)
        for offer, line, converted in zip(priced.offers, lines, own, strict=True)
    ]


def _item(
    currencies: Currencies, product: Product, line: PricedLine, local: PricedLine | None
) -> Json:
    return {
        "description": product.name,
        "product_id": product.id,
        "product_item_number": product.item_number,
        "product_name": product.name,
        "product_internal_name": product.internal_name,
        "product_description": product.description,
        "product_is_unattended": product.is_unattended,
        **line_shape(currencies, line, local),
    }


def line_shape(currencies: Currencies, line: PricedLine, local: PricedLine | None) -> Json:
    """Return the prices of a product; the discount's type is that of what was applied."""
    return {
        **prices(currencies, line.price, local and local.price, kind_of(line.applied)),
        "original_equipment_service_fee": money_or_null(
            currencies, line.service_fee, local and local.service_fee
        ),
    }
