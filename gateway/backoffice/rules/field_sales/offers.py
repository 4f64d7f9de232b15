"""Proformas that become invoices: once, as they were offered, while the offer stands."""

from __future__ import annotations

from gateway.backoffice.refusal import broken_rule
from gateway.backoffice.shop import Shop, Values

#: What an invoice takes over from its offer, unless it says otherwise.
_TAKEN = ("client", "rep", "warehouse", "items")

#: What an offer that was taken up says for good.
_FIXED = (*_TAKEN, "total", "serial", "status", "valid_until")

CONVERTED = "converted"


def take_up(shop: Shop, values: Values) -> None:
    """Fill an invoice that names an offer with what was offered, and close the offer.

    Raises:
        Invalid: the offer was taken up before, rejected, or does not stand any more.
    """
    if values.get("proforma_reference") is None:
        return
    offer = shop.lock("proforma", values["proforma_reference"])
    if offer["converted_at"] is not None:
        raise broken_rule(f"Proforma {offer['serial']} was made an invoice already.")
    if offer["status"] == "rejected":
        raise broken_rule(f"Proforma {offer['serial']} was rejected. Make another one.")
    if offer["valid_until"] is not None and offer["valid_until"] < shop.now:
        raise broken_rule(f"Proforma {offer['serial']} is not valid any more. Make another one.")
    values |= {name: offer[name] for name in _TAKEN if values.get(name) is None}
    shop.change("proforma", offer["id"], {"converted_at": shop.now, "status": CONVERTED})


def give_back(shop: Shop, invoice: Values) -> None:
    """Let the offer of an invoice that became void be taken up again."""
    if invoice["proforma_reference"] is not None:
        again = {"converted_at": None, "status": "approved"}
        shop.change("proforma", invoice["proforma_reference"], again)


def check_open(row: Values, values: Values) -> None:
    """Refuse changes of an offer that became an invoice, and to say so without one."""
    if row["converted_at"] is not None and any(values.get(n, row[n]) != row[n] for n in _FIXED):
        raise broken_rule(f"Proforma {row['serial']} is an invoice now, and stays as it is.")
    if row["converted_at"] is None and values.get("status") == CONVERTED:
        raise broken_rule("Store an invoice that names it as proforma_reference instead.")
