"""Invoices that come back: every week, month, quarter or year, each period once."""

from __future__ import annotations

from calendar import monthrange
from datetime import date, timedelta

from gateway.backoffice.refusal import broken_rule, wrong_field
from gateway.backoffice.rules import documents, invoices
from gateway.backoffice.rules.notices import notify_admins
from gateway.backoffice.shop import PORTION, Shop, Values
from gateway.domain.errors import Invalid

_MONTHS = {"monthly": 1, "quarterly": 3, "yearly": 12}

#: Periods caught up in one go; the rest follow in the next portion.
_MOST_AT_ONCE = 24


def create(shop: Shop, values: Values) -> int:
    """Store a recurring invoice; its first run is ``next_run_date``."""
    lines = values.pop("lines")
    _check_date(shop, values)
    values["anchor"] = values["next_run_date"]
    recurring_id = shop.insert("recurring_invoice", values)
    documents.put_lines(shop, "recurring_invoice", recurring_id, lines)
    return recurring_id


def change(shop: Shop, row: Values, values: Values) -> None:
    """Change what comes; invoices that were made stay."""
    lines = values.pop("lines", None)
    _check_date(shop, values)
    if "next_run_date" in values or "frequency" in values:
        values["anchor"] = values.get("next_run_date") or row["next_run_date"]
    if values:
        shop.change("recurring_invoice", row["id"], values)
    if lines is not None:
        documents.put_lines(shop, "recurring_invoice", row["id"], lines)


def run_now(shop: Shop, row: Values, _: Values) -> object:
    """Make an invoice outside the schedule, which stays as it is."""
    invoice_id = _make(shop, row, shop.today, None)
    return {"invoice_id": invoice_id, "message": f"Invoice {invoice_id} made."}


def run_due(shop: Shop) -> int:
    """Make a portion of what is due, period by period; return how many invoices."""
    table = shop.tables["recurring_invoice"]
    due = shop.select("recurring_invoice").where(
        table.c.is_active.is_(True), table.c.next_run_date <= shop.today
    )
    rows = shop.rows(due.limit(PORTION // _MOST_AT_ONCE))
    return sum(_catch_up(shop, shop.lock("recurring_invoice", row["id"])) for row in rows)


def _catch_up(shop: Shop, row: Values) -> int:
    made, day = 0, row["next_run_date"]
    while day <= shop.today and made < _MOST_AT_ONCE:
        key = f"{row['id']}:{day.isoformat()}"
        if shop.find("invoice", run_key=key) is None:
            _make(shop, row, shop.today, key)
        made += 1
        day = following(row["anchor"], day, row["frequency"])
    shop.change("recurring_invoice", row["id"], {"next_run_date": day, "last_run_at": shop.now})
    return made


def _make(shop: Shop, row: Values, day: date, key: str | None) -> int:
    lines = documents.lines_of(shop, "recurring_invoice", row["id"])
    head = {"customer_id": row["customer_id"], "invoice_date": day, "run_key": key}
    values = head | {"recurring_invoice_id": row["id"], "lines": lines}
    invoice_id = invoices.create(shop, values)
    if row["auto_send"]:
        _send(shop, invoice_id)
    return invoice_id


def _send(shop: Shop, invoice_id: int) -> None:
    try:
        with shop.connection.begin_nested():
            invoices.send(shop, shop.get("invoice", invoice_id), {})
    except Invalid as error:
        title = f"Recurring invoice {invoice_id} was not sent"
        notify_admins(shop, "sending_failed", title, error.detail, f"/invoices/{invoice_id}")


def following(anchor: date, day: date, frequency: str) -> date:
    """Return the run after ``day``, counted from the anchor.

    Months are counted from the anchor, so that 31 January leads to 28 February and then to
    31 March, instead of to the 28th for ever.
    """
    if frequency == "weekly":
        return day + timedelta(weeks=1)
    step = _MONTHS[frequency]
    passed = (day.year - anchor.year) * 12 + day.month - anchor.month
    months = anchor.month - 1 + (passed // step + 1) * step
    year, month = anchor.year + months // 12, months % 12 + 1
    return date(year, month, min(anchor.day, monthrange(year, month)[1]))


def _check_date(shop: Shop, values: Values) -> None:
    day = values.get("next_run_date")
    if day is not None and day < shop.today:
        raise wrong_field("next_run_date", "must not be in the past.")
    if day is not None and day.year > shop.today.year + 100:
        raise broken_rule("The next run is more than a hundred years away.")
