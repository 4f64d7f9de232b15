"""Payments over a payment service: what it says was paid is booked once.

The body of a call is never believed: the payment is fetched with the garage's own key, and its
number is the payment's reference, which is unique.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from gateway.backoffice.rules import invoices
from gateway.backoffice.rules.notices import notify_admins
from gateway.backoffice.shop import Shop


@dataclass(frozen=True, slots=True)
class Paid:
    """A payment that the service says is complete.

    Attributes:
        method: ``mollie`` or ``stripe``.
        reference: the service's number of it.
        invoice_id: what it is for.
        amount: in the currency of the books.
    """

    method: str
    reference: str
    invoice_id: int
    amount: Decimal


def book(shop: Shop, paid: Paid) -> bool:
    """Book a payment; tell whether it was new.

    More than is outstanding is not booked: those who run the garage are told, because somebody
    must give it back.
    """
    invoice = shop.find("invoice", id=paid.invoice_id)
    if invoice is None:
        return False
    invoice = shop.lock("invoice", paid.invoice_id)
    if shop.find("payment", reference=paid.reference) is not None:
        return False
    amount = min(paid.amount, invoices.outstanding(invoice))
    if amount < paid.amount:
        title = f"Too much was paid on {invoice['invoice_number']}"
        text = f"{paid.method} {paid.reference}: {paid.amount}, outstanding {amount}."
        notify_admins(shop, "invoice_paid", title, text, f"/invoices/{paid.invoice_id}")
    if amount <= 0:
        return False
    values = {"amount": amount, "method": paid.method, "paid_on": shop.today}
    invoices.pay(shop, invoice, values | {"reference": paid.reference})
    return True
