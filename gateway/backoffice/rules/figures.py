"""Figures of the business, computed from documents whenever somebody asks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, func, select

from gateway.backoffice.moments import business_day, day_begin
from gateway.backoffice.rules import invoices
from gateway.backoffice.shop import Shop, Values
from gateway.domain.money import ZERO, cents

#: Name -> days; a year by months instead of days.
PERIODS = {"7d": 7, "30d": 30, "90d": 90, "jaar": 365}

#: Bills that count as revenue.
_BILLED = ("sent", "overdue", "paid")


def _first_day(shop: Shop, values: Values) -> date:
    return shop.today - timedelta(days=PERIODS[values.get("period") or "30d"] - 1)


def revenue(shop: Shop, values: Values) -> object:
    """Return net turnover less credit notes by day (by month over a year), and its growth.

    Growth over nothing is no number; it is given as 0.
    """
    period = values.get("period") or "30d"
    first, span = _first_day(shop, values), timedelta(days=PERIODS[period])
    by_day = _turnover(shop, first, shop.today)
    before = sum(_turnover(shop, first - span, first - timedelta(days=1)).values(), ZERO)
    monthly = period == "jaar"
    amounts: defaultdict[str, Decimal] = defaultdict(lambda: ZERO)
    for day in _days(first, shop.today):
        amounts[f"{day:%Y-%m}" if monthly else day.isoformat()] += by_day.get(day, ZERO)
    total = sum(amounts.values(), ZERO)
    growth = float(round((total - before) / before * 100, 1)) if before else 0.0
    data = [{"date": key, "amount": amount} for key, amount in amounts.items()]
    return {"period": period, "data": data, "total": total, "growth_pct": growth}


def _days(first: date, last: date) -> Iterator[date]:
    yield from (first + timedelta(days=n) for n in range((last - first).days + 1))


def _turnover(shop: Shop, first: date, last: date) -> dict[date, Decimal]:
    invoice, note = shop.tables["invoice"], shop.tables["credit_note"]
    sums: defaultdict[date, Decimal] = defaultdict(lambda: ZERO)
    billed = (
        select(invoice.c.invoice_date, func.sum(invoice.c.total_excl))
        .where(*shop.visible(invoice), invoice.c.status.in_(_BILLED))
        .where(invoice.c.invoice_date >= first, invoice.c.invoice_date <= last)
        .group_by(invoice.c.invoice_date)
    )
    for day, amount in shop.connection.execute(billed):
        sums[day] += amount
    credited = select(note.c.created_at, note.c.total_excl).where(
        *shop.visible(note), *_between(note.c.created_at, first, last)
    )
    for moment, amount in shop.connection.execute(credited):
        sums[business_day(moment)] -= amount
    return sums


# Any: a column of a table that is built at run time.
def _between(column: ColumnElement[Any], first: date, last: date) -> list[ColumnElement[bool]]:
    return [column >= day_begin(first), column < day_begin(last + timedelta(days=1))]


def work_orders(shop: Shop, values: Values) -> object:
    """Return orders by status, hours from opening to completion, and how many were completed.

    The rate is over the orders opened in the period, cancelled ones left out.
    """
    first = _first_day(shop, values)
    table = shop.tables["work_order"]
    query = (
        select(table.c.status, func.count())
        .where(*shop.visible(table), *_between(table.c.created_at, first, shop.today))
        .group_by(table.c.status)
    )
    counts = {str(status): int(count) for status, count in shop.connection.execute(query)}
    done = counts.get("completed", 0) + counts.get("picked_up", 0)
    open_or_done = sum(counts.values()) - counts.get("cancelled", 0)
    spans = [_hours(row) for row in _completed(shop, first)]
    return {
        "status_distribution": counts,
        "avg_duration_hours": _mean(spans),
        "completion_rate_pct": round(done * 100 / open_or_done, 1) if open_or_done else 0,
    }


def _completed(shop: Shop, first: date) -> list[Values]:
    table = shop.tables["work_order"]
    query = shop.select("work_order").where(*_between(table.c.completed_at, first, shop.today))
    return shop.rows(query)


def _hours(row: Values) -> float:
    span: timedelta = row["completed_at"] - row["created_at"]
    return span.total_seconds() / 3600


def _mean(numbers: list[float]) -> float:
    return round(sum(numbers) / len(numbers), 1) if numbers else 0


def customers(shop: Shop, values: Values) -> object:
    """Return who is new, who came back, and what a customer has paid in all, on average."""
    first = _first_day(shop, values)
    customer, order, invoice = (
        shop.tables[name] for name in ("customer", "work_order", "invoice")
    )
    new = shop.count("customer", *_between(customer.c.created_at, first, shop.today))
    begin = day_begin(first)
    now = _customer_ids(shop, order.c.created_at >= begin)
    before = _customer_ids(shop, order.c.created_at < begin)
    paid = select(func.sum(invoice.c.amount_paid), func.count(invoice.c.customer_id.distinct()))
    row = shop.connection.execute(
        paid.where(*shop.visible(invoice), invoice.c.amount_paid > 0)
    ).one()
    ltv = cents(row[0] / row[1]) if row[1] else ZERO
    return {"new_customers": new, "returning_customers": len(now & before), "avg_ltv": ltv}


def _customer_ids(shop: Shop, condition: ColumnElement[bool]) -> set[int]:
    order = shop.tables["work_order"]
    query = select(order.c.customer_id).where(*shop.visible(order), condition).distinct()
    return set(shop.connection.execute(query).scalars())


def inventory(shop: Shop, values: Values) -> object:
    """Return the parts used most, and what the stock is worth at purchase prices."""
    move, product = shop.tables["stock_movement"], shop.tables["product"]
    used = -func.sum(move.c.quantity)
    query = (
        select(product.c.id, product.c.name, used)
        .join(product, product.c.id == move.c.product_id)
        .where(*shop.visible(move), move.c.kind == "pick")
        .where(*_between(move.c.moved_at, _first_day(shop, values), shop.today))
        .group_by(product.c.id, product.c.name)
        .order_by(used.desc())
        .limit(10)
    )
    parts = [
        {"product_id": product_id, "name": name, "used": int(count)}
        for product_id, name, count in shop.connection.execute(query)
    ]
    worth = select(product.c.stock_quantity, product.c.purchase_price).where(
        *shop.visible(product), product.c.stock_quantity > 0
    )
    value = sum((count * (price or 0) for count, price in shop.connection.execute(worth)), ZERO)
    return {"top_parts": parts, "inventory_value": value}


def financial(shop: Shop, values: Values) -> object:
    """Return what is owed, what of it is overdue, and how long customers take to pay."""
    table = shop.tables["invoice"]
    owed = shop.rows(shop.select("invoice").where(table.c.status.in_(invoices.OWED)))
    late = [row for row in owed if row["due_date"] is not None and row["due_date"] < shop.today]
    first = _first_day(shop, values)
    paid = shop.rows(
        shop.select("invoice").where(
            table.c.status == "paid", *_between(table.c.paid_at, first, shop.today)
        )
    )
    spans = [float((business_day(row["paid_at"]) - row["invoice_date"]).days) for row in paid]
    return {
        "outstanding_amount": sum((invoices.outstanding(row) for row in owed), ZERO),
        "overdue_amount": sum((invoices.outstanding(row) for row in late), ZERO),
        "avg_payment_days": _mean(spans),
    }


def engineers(shop: Shop, values: Values) -> object:
    """Return for each engineer the completed orders, their hours, and what was billed."""
    done: defaultdict[int, list[Values]] = defaultdict(list)
    for row in _completed(shop, _first_day(shop, values)):
        if row["assigned_to"] is not None:
            done[row["assigned_to"]].append(row)
    billed = _billed(shop, [row["id"] for rows in done.values() for row in rows])
    return [
        {
            "engineer_id": user_id,
            "name": shop.get("shop_user", user_id)["name"],
            "completed": len(rows),
            "avg_hours": _mean([_hours(row) for row in rows]),
            "revenue": sum((billed.get(row["id"], ZERO) for row in rows), ZERO),
        }
        for user_id, rows in sorted(done.items())
    ]


def _billed(shop: Shop, order_ids: list[int]) -> dict[int, Decimal]:
    table = shop.tables["invoice"]
    query = (
        select(table.c.work_order_id, func.sum(table.c.total_excl))
        .where(*shop.visible(table), table.c.status.in_(_BILLED))
        .where(table.c.work_order_id.in_(order_ids))
        .group_by(table.c.work_order_id)
    )
    return {row[0]: row[1] for row in shop.connection.execute(query)}
