"""VAT rates: exactly one is the default, and what is in use stays."""

from __future__ import annotations

from decimal import Decimal

from gateway.backoffice.nouns.trade import TAX_RATE
from gateway.backoffice.refusal import broken_rule
from gateway.backoffice.rules.seeds import plant
from gateway.backoffice.shop import Shop, Values

#: Nouns whose rows have a VAT rate, by how people call them.
_USERS = {
    "product": "products",
    "invoice_line": "invoice lines",
    "quotation_line": "quotation lines",
    "recurring_invoice_line": "lines of recurring invoices",
}


def create_rate(shop: Shop, values: Values) -> int:
    """Add a rate; the first of a garage becomes its default."""
    plant(shop, TAX_RATE)
    default = values.pop("is_default", False) or not shop.count("tax_rate")
    rate_id = shop.insert("tax_rate", values)
    if default:
        make_default(shop, rate_id)
    return rate_id


def change_rate(shop: Shop, row: Values, values: Values) -> None:
    """Change what is given; lines keep the percentage they were written with.

    Raises:
        Invalid: the default would stop being one, without another taking over.
    """
    default = values.pop("is_default", None)
    if default is False and row["default_mark"]:
        raise broken_rule("One rate is the default. Make another one the default instead.")
    if values:
        shop.change("tax_rate", row["id"], values)
    if default:
        make_default(shop, row["id"])


def remove_rate(shop: Shop, row: Values) -> None:
    """Remove a rate that nothing uses; raises ``Invalid`` otherwise."""
    if row["default_mark"]:
        raise broken_rule("This is the default rate. Make another one the default first.")
    counts = {name: shop.count(noun, vat_rate=row["rate"]) for noun, name in _USERS.items()}
    counts["settings of the assistant"] = shop.count("ai_setting", diagnosis_tax_rate_id=row["id"])
    used = [f"{count} {name}" for name, count in counts.items() if count]
    if used:
        raise broken_rule(f"This rate is in use by {', '.join(used)}.")
    shop.remove("tax_rate", row["id"])


def on_top(shop: Shop, rate: Decimal) -> int | None:
    """Return the tax that adds ``rate`` percent to a price: the default one, else the oldest."""
    fitting = [
        row
        for row in shop.where("tax_rate", rate=rate)
        if row["type"] in {None, "additive"} and not row["disabled"]
    ]
    fitting.sort(key=lambda row: (not row["default_mark"], row["id"]))
    return fitting[0]["id"] if fitting else None


def set_default(shop: Shop, row: Values, _: Values) -> object:
    """Make a rate the default."""
    make_default(shop, row["id"])
    return {"id": row["id"], "name": row["name"], "is_default": True}


def make_default(shop: Shop, rate_id: int) -> None:
    """Take the mark from whoever has it and put it here."""
    for row in shop.where("tax_rate", default_mark=True):
        shop.change("tax_rate", row["id"], {"default_mark": None})
    shop.change("tax_rate", rate_id, {"default_mark": True})
