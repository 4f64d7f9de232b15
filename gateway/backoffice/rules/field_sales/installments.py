"""Instalments of contracts: pending, paid when enough has come in, overdue after the grace."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from html import escape

from sqlalchemy import and_, or_

from gateway.backoffice.refusal import broken_rule, wrong_field
from gateway.backoffice.rules.outgoing import queue_mail
from gateway.backoffice.shop import Shop, Values

_OPEN = ("pending", "overdue")

#: Clients are reminded this long before an instalment's day.
_AHEAD = timedelta(days=3)

#: Looked at in one transaction.
_PORTION = 100


def create(shop: Shop, values: Values) -> int:
    """Store an instalment; raises ``Unprocessable`` for a number that the contract has."""
    key = {"contract": values["contract"], "installment_number": values["installment_number"]}
    if shop.find("installment", **key) is not None:
        raise wrong_field("installment_number", "has already been taken in this contract.")
    values |= {"status": "pending", "reminder_sent": False, "grace_ends": _grace_ends(values)}
    return shop.insert("installment", values)


def change(shop: Shop, row: Values, values: Values) -> None:
    """Change an instalment; one with a later day is no longer what clients were reminded of."""
    merged = row | values
    values["grace_ends"] = _grace_ends(merged)
    if merged["due_date"] > row["due_date"]:
        values["reminded_of"] = None
    shop.change("installment", row["id"], values)


def _grace_ends(values: Values) -> date:
    day: date = values["due_date"]
    grace = timedelta(days=max(0, values.get("grace_period_days") or 0))
    return day + grace if grace <= date.max - day else date.max


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
    return max(0, (shop.today - _grace_ends(row)).days) if row["status"] in _OPEN else 0


def remind(shop: Shop) -> int:
    """Mark what is overdue and remind clients: shortly before the day, and once it has passed.

    Some at a time; returns how many instalments were looked at, 0 when nothing was left.
    """
    rows = _unreminded(shop)
    for row in rows:
        late = days_overdue(shop, row) > 0
        # Between the day and the end of its grace nobody is reminded; that it passed counts.
        _remind(shop, row, "overdue" if late else "soon")
    return len(rows)


def _unreminded(shop: Shop) -> list[Values]:
    table = shop.tables["installment"]
    never = and_(table.c.reminded_of.is_(None), table.c.due_date <= shop.today + _AHEAD)
    late = and_(table.c.reminded_of == "soon", table.c.grace_ends < shop.today)
    query = shop.select("installment").where(table.c.status.in_(_OPEN), or_(never, late))
    return shop.rows(query.order_by(table.c.due_date, table.c.id).limit(_PORTION))


def _remind(shop: Shop, row: Values, stage: str) -> None:
    changes: Values = {"reminded_of": stage}
    changes |= {"status": "overdue"} if stage == "overdue" else {}
    contract = shop.get("contract", row["contract"])
    client = shop.find("customer", id=contract["client"]) if contract["client"] else None
    if client is not None and client["email"] and not row["auto_pay_enabled"]:
        queue_mail(shop, client["email"], *_letter(contract, row, stage))
        dates = [*(row["reminder_dates"] or []), shop.today.isoformat()]
        changes |= {"reminder_sent": True, "reminder_dates": dates}
    shop.change("installment", row["id"], changes)


def _letter(contract: Values, row: Values, stage: str) -> tuple[str, str]:
    """Return subject and text."""
    name = f"Instalment {row['installment_number']} of {contract['title'] or 'your contract'}"
    word = "was due" if stage == "overdue" else "is due"
    left = f"{due(row) - paid(row)} {row['currency']}"
    text = f"<p>{escape(name)} {word} on {row['due_date']:%d-%m-%Y}: {escape(left)}.</p>"
    return f"{name} {word}", text


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
