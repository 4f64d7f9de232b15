"""``/v1/cart/calculate-prices``: what an order would cost."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec
from quart import Blueprint, Response, request

from gateway.rest.customer.door import CustomerDoor
from gateway.rest.customer.shapes import (
    Json,
    discount,
    line_prices,
    money_or_null,
    prices,
    prices_or_null,
    reply,
)
from gateway.storage.queries.products import Product
from gateway.tickets.basket import Basket, PricedBasket
from gateway.tickets.prices import PricedLine, Sum, kind_of
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
        return reply(cart_shape(basket, await door.tickets.price(customer, basket)))

    return routes


def flat(product_ids: ProductIds) -> tuple[int, ...]:
    """Return product ids in one row, however they were nested."""
    nested = (one if isinstance(one, list) else [one] for one in product_ids)
    return tuple(product_id for several in nested for product_id in several)


def cart_shape(basket: Basket, priced: PricedBasket) -> Json:
    """Return a priced basket; ``voucher_sub_total`` is ``None`` without a voucher."""
    quote, voucher = priced.quote, priced.voucher
    currency = quote.currency
    applied = [one for line in quote.lines for one in line.applied]
    redeemed = [*applied, quote.voucher] if quote.voucher else applied
    return {
        "voucher": voucher.code if voucher else None,
        "voucher_discount": quote.voucher
        and discount(
            currency,
            quote.voucher.reduction.kind,
            Sum(quote.sub_total.net, quote.sub_total.net - quote.voucher.amount).percentage,
            quote.voucher.amount,
        ),
        "vehicle_model_id": basket.model_id,
        "vehicle_model_variant_id": basket.variant_id,
        "needs_confirmation_for_unattended_service": priced.needs_confirmation,
        "sub_total": prices(currency, quote.sub_total, kind_of(applied)),
        "voucher_sub_total": prices(currency, quote.after_voucher, kind_of(redeemed))
        if voucher
        else None,
        "original_equipment_service_fee": prices_or_null(currency, quote.service_fee),
        "total": prices(currency, quote.total, kind_of(redeemed)),
        "items": [
            _item(offer.product, line, currency)
            for offer, line in zip(priced.offers, quote.lines, strict=True)
        ],
    }


def _item(product: Product, line: PricedLine, currency: str) -> Json:
    return {
        "description": product.name,
        "product_id": product.id,
        "product_item_number": product.item_number,
        "product_name": product.name,
        "product_internal_name": product.internal_name,
        "product_description": product.description,
        "product_is_unattended": product.is_unattended,
        **line_prices(currency, line.price, line.applied),
        "original_equipment_service_fee": money_or_null(currency, line.service_fee),
    }
