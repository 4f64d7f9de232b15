"""What a customer pays, whichever API asks: one order of precedence.

An agreement in force, else the price on the customer's list, else what the variant or the product
costs less the business discount.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from decimal import Decimal

from gateway.backoffice.refusal import broken_rule, wrong_field
from gateway.backoffice.shop import PORTION, Shop, Values
from gateway.domain.money import cents

_PNG = b"\x89PNG\r\n\x1a\n"
_MOST_SIGNATURE = 1024 * 1024


def in_force(shop: Shop, customer_id: int, service_id: int) -> Values | None:
    """Return the agreement that decides a price today."""
    known = {"customer_id": customer_id, "service_id": service_id}
    for row in reversed(shop.where("price_agreement", **known)):
        until = row["valid_until"]
        in_date = row["valid_from"] <= shop.today and (until is None or shop.today <= until)
        if row["status"] in {"active", "signed"} and in_date:
            return row
    return None


def price_of(
    shop: Shop, customer: Values | None, product: Values, variant: Values | None
) -> Decimal:
    """Return what a customer pays for one of a product.

    Args:
        shop: whose.
        customer: ``None`` for nobody in particular.
        product: what is sold.
        variant: which of it; ``None`` for the default one, where there are any.
    """
    base = Decimal(product["price_excl"] if variant is None else variant["price"])
    if customer is None:
        return base
    agreement = in_force(shop, customer["id"], product["id"])
    if agreement is not None:
        return Decimal(agreement["agreed_price"])
    listed = _listed(shop, customer, product, variant)
    if listed is not None:
        return listed
    return cents(base * (1 - (customer["business_discount_pct"] or Decimal(0)) / 100))


def _listed(
    shop: Shop, customer: Values, product: Values, variant: Values | None
) -> Decimal | None:
    """Return the price on a customer's list, where they have one and it says something."""
    list_id = customer["price_list_id"]
    if not list_id or shop.get("price_list", list_id)["disabled"]:
        return None
    sold = variant or shop.find("variant", product=product["id"], default=True)
    item = sold and shop.find("price_list_item", variant_id=sold["id"], pricelist_id=list_id)
    return Decimal(item["price"]) if item and not item["disabled"] else None


def check_price(shop: Shop, values: Values) -> object:
    """Return the recommended price of a service for a customer, and where it comes from."""
    customer = shop.get("customer", values["customer_id"])
    service = shop.get("product", values["service_id"])
    base, discount = service["price_excl"], customer["business_discount_pct"] or Decimal(0)
    agreement = in_force(shop, customer["id"], service["id"])
    price = price_of(shop, customer, service, None)
    return {
        "has_agreement": agreement is not None,
        "agreement": agreement and _brief(agreement),
        "business_discount_pct": discount,
        "recommended_price": price,
        "base_price": base,
        "discount_amount": base - price,
    }


def _brief(row: Values) -> Values:
    names = ("id", "status", "agreed_price", "valid_from", "valid_until")
    return {name: row[name] for name in names}


def create(shop: Shop, values: Values) -> int:
    """Store a draft."""
    _check_dates(values)
    return shop.insert("price_agreement", values | {"status": "draft"})


def change(shop: Shop, row: Values, values: Values) -> None:
    """Change a draft; raises ``Invalid`` for others."""
    _check_draft(row, "changed")
    _check_dates(row | values)
    if values:
        shop.change("price_agreement", row["id"], values)


def remove(shop: Shop, row: Values) -> None:
    """Remove a draft; raises ``Invalid`` for others."""
    _check_draft(row, "removed")
    shop.remove("price_agreement", row["id"])


def activate(shop: Shop, row: Values, _: Values) -> object:
    """Let a draft count; raises ``Invalid`` while another one counts on the same days."""
    _check_draft(row, "activated")
    _check_overlap(shop, row)
    stamped = {"status": "active", "activated_at": shop.now}
    shop.change("price_agreement", row["id"], stamped)
    return {"id": row["id"], "status": "active", "activated_at": _stamp(shop)}


def sign(shop: Shop, values: Values) -> object:
    """Store a signature with its evidence: digest, time and address.

    Raises:
        Invalid: it is signed or expired, or the signature is no PNG.
    """
    row = shop.lock("price_agreement", values["id"])
    if row["status"] not in {"draft", "active"}:
        raise broken_rule(f"The agreement is {row['status']}: it cannot be signed.")
    if row["status"] == "draft":
        _check_overlap(shop, row)
    image = _image(values["signature_data"])
    signed = {
        "status": "signed",
        "signed_at": shop.now,
        "activated_at": row["activated_at"] or shop.now,
        "signature": image,
        "signature_sha256": hashlib.sha256(image).hexdigest(),
        "signed_from": values["address"][:64],
    }
    shop.change("price_agreement", row["id"], signed)
    return {"id": row["id"], "status": "signed", "signed_at": _stamp(shop)}


def expire(shop: Shop) -> int:
    """Mark a portion of the agreements whose last day has passed; return how many."""
    table = shop.tables["price_agreement"]
    past = shop.rows(
        shop.select("price_agreement")
        .where(table.c.status.in_(("active", "signed")), table.c.valid_until < shop.today)
        .limit(PORTION)
    )
    for row in past:
        shop.change("price_agreement", row["id"], {"status": "expired"})
    return len(past)


def _image(text: str) -> bytes:
    data = text.removeprefix("data:image/png;base64,")
    try:
        image = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        raise wrong_field("signature_data", "must be base64.") from None
    if not image.startswith(_PNG) or len(image) > _MOST_SIGNATURE:
        raise wrong_field("signature_data", "must be a PNG image of at most 1 MiB.")
    return image


def _check_draft(row: Values, what: str) -> None:
    if row["status"] != "draft":
        raise broken_rule(f"The agreement is {row['status']}: only drafts can be {what}.")


def _check_dates(values: Values) -> None:
    until = values.get("valid_until")
    if until is not None and until < values["valid_from"]:
        raise wrong_field("valid_until", "must not be before valid_from.")


def _check_overlap(shop: Shop, row: Values) -> None:
    same = {name: row[name] for name in ("customer_id", "service_id")}
    for other in shop.where("price_agreement", **same):
        counts = other["status"] in {"active", "signed"} and other["id"] != row["id"]
        if counts and _meets(row, other) and _meets(other, row):
            raise broken_rule(f"Agreement {other['id']} counts on the same days. End it first.")


def _meets(one: Values, other: Values) -> bool:
    return other["valid_until"] is None or one["valid_from"] <= other["valid_until"]


def _stamp(shop: Shop) -> str:
    return shop.now.isoformat(timespec="seconds").replace("+00:00", "Z")
