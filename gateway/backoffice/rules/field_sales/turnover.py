"""What invoices of field sales book: turnover and VAT by rate, as the workshop's invoices do."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

from gateway.backoffice.rules import ledger
from gateway.backoffice.shop import Values
from gateway.domain.money import ZERO

#: Ways to pay that fill the till; all others reach the bank.
_IN_CASH = frozenset({"cash"})


def of(invoice: Values) -> list[ledger.Booking]:
    """Return what stands against the debt of an invoice; a total without lines has no rate."""
    items = invoice.get("items") or []
    if not items:
        return [ledger.credit(ledger.REVENUE, invoice["total"])]
    bases: defaultdict[Decimal, Decimal] = defaultdict(lambda: ZERO)
    taxes: defaultdict[Decimal, Decimal] = defaultdict(lambda: ZERO)
    for item in items:
        total, tax, rate = (
            Decimal(str(item.get(name) or 0)) for name in ("line_total", "tax_amount", "tax_rate")
        )
        bases[rate] += total - tax
        taxes[rate] += tax
    return [
        booking
        for rate in sorted(bases)
        for booking in (
            ledger.credit(ledger.REVENUE, bases[rate], rate),
            ledger.credit(ledger.VAT_DUE, taxes[rate], rate),
        )
    ]


def taken_back(invoice: Values) -> list[ledger.Booking]:
    """Return what stands against the debt of an invoice that is void."""
    return [ledger.reversed_booking(one) for one in of(invoice)]


def paid(amount: Decimal, method: str | None) -> list[ledger.Booking]:
    """Return what stands against a payment: the till or the bank."""
    in_cash = (method or "").strip().lower() in _IN_CASH
    return [ledger.debit(ledger.CASH if in_cash else ledger.BANK, amount)]
