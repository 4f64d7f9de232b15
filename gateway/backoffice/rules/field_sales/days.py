"""A rep's days and visits. What a day adds up to follows from the visits and the invoices."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal

from gateway.backoffice.kinds import Identifier
from gateway.backoffice.moments import business_day, day_begin
from gateway.backoffice.refusal import broken_rule
from gateway.backoffice.shop import Shop, Values

_ID = Identifier(hexadecimal=True)


def begin(shop: Shop, values: Values) -> int:
    """Open a rep's day, and close the days before that were left open.

    Raises:
        Invalid: this day was begun already.
    """
    if shop.find("rep_day", rep=values["rep"], date=values["date"]) is not None:
        raise broken_rule("This rep has begun that day already.")
    for old in shop.where("rep_day", rep=values["rep"], status="open"):
        if old["date"] < values["date"]:
            shop.change("rep_day", old["id"], {"status": "closed"})
    day_id = shop.insert("rep_day", values | {"status": "open"})
    note(shop, values["rep"], values["date"])
    return day_id


def note(shop: Shop, rep_id: int | None, day: date) -> None:
    """Add up a rep's day again, where it was begun."""
    found = rep_id and shop.find("rep_day", rep=rep_id, date=day)
    if not found:
        return
    visits = _on(shop, "visit", rep_id, day, "actual_date")
    orders = _on(shop, "proforma", rep_id, day, "created_at")
    sales = _on(shop, "sales_invoice", rep_id, day, "created_at")
    sold = sum((row["total"] or Decimal(0) for row in sales), Decimal(0))
    summary = {
        "totalVisits": len(visits),
        "totalOrders": len(orders),
        "totalSales": float(sold),
    }
    ids = {
        name: [_ID.render(row["id"]) for row in rows]
        for name, rows in (("visits", visits), ("orders", orders))
    }
    shop.change("rep_day", found["id"], ids | {"summary": summary})


def _on(shop: Shop, noun: str, rep_id: int | None, day: date, column: str) -> list[Values]:
    table = shop.tables[noun]
    query = shop.select(noun).where(
        table.c.rep == rep_id,
        table.c[column] >= day_begin(day),
        table.c[column] < day_begin(day + timedelta(1)),
    )
    return shop.rows(query)


def create_visit(shop: Shop, values: Values) -> int:
    """Store a visit; one that took place says when."""
    values["status"] = values.get("status") or "planned"
    _check(values)
    visit_id = shop.insert("visit", values)
    _noted(shop, values)
    return visit_id


def change_visit(shop: Shop, row: Values, values: Values) -> None:
    """Change a visit; raises ``Invalid`` when it is completed without its date."""
    merged = row | values
    _check(merged)
    shop.change("visit", row["id"], values)
    _noted(shop, merged)


def _check(values: Values) -> None:
    if values["status"] == "completed" and not values.get("actual_date"):
        raise broken_rule("A completed visit says when it took place: give actualDate.")


def _noted(shop: Shop, values: Values) -> None:
    actual: datetime | None = values.get("actual_date")
    if actual is not None:
        note(shop, values.get("rep"), business_day(actual))
