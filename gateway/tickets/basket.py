"""Products for a vehicle, at the garage's prices of the day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from gateway.domain.errors import Invalid
from gateway.domain.money import ReductionKind
from gateway.storage.database import Connection
from gateway.storage.queries import products, vehicles, vouchers
from gateway.storage.queries.products import Buyer, Offer, OfferFilter
from gateway.storage.queries.vehicles import Variant
from gateway.storage.queries.vouchers import Voucher
from gateway.tickets.prices import Charge, Quote, quote

#: Products in one order; nobody orders this many, and a longer list is a mistake or an attack.
MOST_PRODUCTS = 50


@dataclass(frozen=True, slots=True)
class Basket:
    """What somebody thinks of ordering.

    Attributes:
        model_id: the vehicle's model.
        variant_id: the vehicle's variant, one of that model.
        product_ids: each once.
        voucher: code of a voucher, in any case; blank is none, ``None`` leaves it to the prepared
            ticket where there is one.
    """

    model_id: int
    variant_id: int
    product_ids: tuple[int, ...]
    voucher: str | None = None


@dataclass(frozen=True, slots=True)
class PricedBasket:
    """A basket that can be ordered.

    Attributes:
        vehicle: for which.
        offers: in the order of the basket, one for each line of the quote.
        voucher: the voucher, if one was given.
        quote: what it costs.
        local: the same in the currency the garage thinks in, where it is another.
    """

    vehicle: Variant
    offers: tuple[Offer, ...]
    voucher: Voucher | None
    quote: Quote
    local: Quote | None = None

    @property
    def needs_confirmation(self) -> bool:
        """Whether part of it needs no operator, to which the customer has to agree."""
        return any(offer.product.is_unattended for offer in self.offers)


def require_vehicle(connection: Connection, model_id: int, variant_id: int) -> Variant:
    """Return the variant, which has to be one of the model.

    Raises:
        Invalid: it is unknown, or another model's.
    """
    variant = vehicles.find_variant(connection, variant_id)
    if variant is None:
        raise Invalid(
            "vehicle.variant_unknown",
            f"There is no model variant {variant_id}. List the variants of the model first.",
            field="vehicle_model_variant_id",
        )
    if variant.model.id != model_id:
        raise Invalid(
            "vehicle.variant_of_other_model",
            f"Model variant {variant_id} belongs to model {variant.model.id}, not {model_id}. "
            "Send the two together as the vehicle lists name them.",
            field="vehicle_model_variant_id",
        )
    return variant


def price(connection: Connection, buyer: Buyer, basket: Basket) -> PricedBasket:
    """Return what the basket costs.

    Raises:
        Invalid: the vehicle is unknown, a product is unknown or not for it, or the voucher does
            not hold; ``field`` names which.
    """
    vehicle = require_vehicle(connection, basket.model_id, basket.variant_id)
    offers = _offers(connection, vehicle, buyer, basket.product_ids)
    voucher = _voucher(connection, buyer, basket)
    charges = [
        Charge(
            product_id=offer.product.id,
            gross=offer.gross,
            reductions=offer.reductions,
            service_fee=offer.service_fee,
        )
        for offer in offers
    ]
    if voucher is None:
        return PricedBasket(vehicle, offers, None, quote(buyer.currency, charges))
    priced = quote(buyer.currency, charges, voucher.reduction, voucher.product_ids)
    return PricedBasket(vehicle, offers, voucher, priced)


def _offers(
    connection: Connection, vehicle: Variant, buyer: Buyer, product_ids: tuple[int, ...]
) -> tuple[Offer, ...]:
    if len(product_ids) > MOST_PRODUCTS:
        raise _products("too_many", f"Order at most {MOST_PRODUCTS} products at once.")
    if len(set(product_ids)) < len(product_ids):
        raise _products("repeated", "A product is named twice. Name each product once.")
    found = products.offers(connection, vehicle, buyer, OfferFilter(product_ids=product_ids))
    by_id = {offer.product.id: offer for offer in found}
    missing = [product_id for product_id in product_ids if product_id not in by_id]
    if missing:
        known = products.known_product_ids(connection, missing)
        _refuse(missing, known, vehicle, buyer)
    return tuple(by_id[product_id] for product_id in product_ids)


def _refuse(missing: list[int], known: frozenset[int], vehicle: Variant, buyer: Buyer) -> None:
    unknown = [product_id for product_id in missing if product_id not in known]
    if unknown:
        raise _products("unknown", f"There is no product {_listed(unknown)}. List the products.")
    raise _products(
        "does_not_fit",
        f"Product {_listed(missing)} is not offered for {' '.join(vehicle.names)} in "
        f"{buyer.currency}. List the products for this model and variant.",
    )


def _voucher(connection: Connection, buyer: Buyer, basket: Basket) -> Voucher | None:
    code = (basket.voucher or "").strip()
    if not code:
        return None
    voucher = vouchers.find(connection, code)
    if voucher is None:
        raise _refused("unknown", f"There is no voucher {code!r}. Check how it is spelled.")
    _check_dates(voucher, buyer.day)
    if voucher.uses_left is not None and voucher.uses_left <= 0:
        raise voucher_used_up(voucher)
    absolute = voucher.reduction.kind is ReductionKind.ABSOLUTE
    if absolute and voucher.currency != buyer.currency:
        detail = f"Voucher {voucher.code} is worth {voucher.currency}; you pay {buyer.currency}."
        raise _refused("other_currency", f"{detail} Send an empty voucher instead.")
    if voucher.product_ids and not voucher.product_ids & set(basket.product_ids):
        detail = f"Voucher {voucher.code} counts for none of these products."
        raise _refused("not_for_these", f"{detail} Send an empty voucher instead.")
    return voucher


def _check_dates(voucher: Voucher, day: date) -> None:
    if day < voucher.valid_from:
        detail = f"Voucher {voucher.code} holds from {voucher.valid_from} on."
        raise _refused("not_yet", f"{detail} Send an empty voucher instead.")
    if voucher.valid_until is not None and day >= voucher.valid_until:
        raise _refused(
            "expired", f"Voucher {voucher.code} has expired. Send an empty voucher instead."
        )


def voucher_used_up(voucher: Voucher) -> Invalid:
    """Return the refusal of a voucher that has no use left."""
    detail = (
        f"Voucher {voucher.code} was used as often as it may be. Send an empty voucher instead."
    )
    return _refused("used_up", detail)


def _refused(reason: str, detail: str) -> Invalid:
    return Invalid(f"voucher.{reason}", detail, field="voucher")


def _products(reason: str, detail: str) -> Invalid:
    return Invalid(f"product.{reason}", detail, field="product_ids")


def _listed(ids: list[int]) -> str:
    return ", ".join(str(one) for one in ids[:10])
