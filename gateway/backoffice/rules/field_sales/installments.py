"""Instalments of contracts: pending, paid when enough has come in, overdue after the grace."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from gateway.backoffice.refusal import broken_rule, wrong_field
from gateway.backoffice.shop import Shop, Values

_OPEN = ("pending", "overdue")


def create(shop: Shop, values: Values) -> int:
    """Store an instalment; raises ``Unprocessable`` for a number that the contract has."""
    key = {"contract": values["contract"], "installment_number": values["installment_number"]}
    if shop.find("installment", **key) is not None:
        raise wrong_field("installment_number", "has already been taken in this contract.")
    return shop.insert("installment", values | {"status": "pending", "reminder_sent": False})


def due(row: Values) -> Decimal:
    """Return what is to be paid in all: the amount, plus late fee, minus discount."""
    return Decimal(row["amount"] + row["late_fee"] - row["discount_applied"])


def paid(row: Values) -> Decimal:
    """Return what has come in."""
    return sum((Decimal(str(one["amount"])) for one in row["payment_history"] or []), Decimal(0))


def pay(shop: Shop, row: Values, values: Values) -> None:
    """Take a payment; the instalment is paid when all that is due has come in.

    Raises:
        Invalid: it is paid or cancelled already, or this would be too much.
    """
    amount = values["payment_amount"]
    if row["status"] not in _OPEN:
        raise broken_rule(f"This instalment is {row['status']}. Nothing is to be paid.")
    left = due(row) - paid(row)
    if amount <= 0 or amount > left:
        raise broken_rule(f"{left} is to be paid; {amount} is not between 0 and that.")
    entry = {
        "date": f"{values['payment_date'].isoformat()}T00:00:00Z",
        "amount": float(amount),
        "method": values.get("payment_method"),
        "reference": values.get("payment_reference"),
        "notes": values.get("notes"),
    }
    known = {name: value for name, value in entry.items() if value is not None}
    changed = {name: values.get(f"payment_{name}") for name in ("date", "method", "reference")}
    changes = {f"payment_{name}": value for name, value in changed.items()}
    changes |= {
        "payment_amount": amount,
        "payment_history": [*(row["payment_history"] or []), known],
    }
    if amount == left:
        changes["status"] = "paid"
    shop.change("installment", row["id"], changes)


def days_overdue(shop: Shop, row: Values) -> int:
    """Return how many days ago an open instalment's grace ended; 0 while it has not."""
    last = row["due_date"] + timedelta(days=max(0, row["grace_period_days"] or 0))
    return max(0, (shop.today - last).days) if row["status"] in _OPEN else 0


def overdue(shop: Shop, least: int) -> list[tuple[Values, int]]:
    """Return open instalments that are overdue by at least ``least`` days, longest first.

    They are marked as such while they are found.
    """
    table = shop.tables["installment"]
    query = shop.select("installment").where(
        table.c.status.in_(_OPEN), table.c.due_date < shop.today
    )
    found = [(row, days_overdue(shop, row)) for row in shop.rows(query.order_by(table.c.due_date))]
    late = [(row, days) for row, days in found if days >= max(1, least)]
    for row, _ in late:
        if row["status"] == "pending":
            shop.change("installment", row["id"], {"status": "overdue"})
            row["status"] = "overdue"
    return late
