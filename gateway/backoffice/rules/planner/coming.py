"""What comes due by itself: reminders, and the appointments of recurring items.

Each looks at what is true now, so that a gateway that was away catches up without doing twice.
"""

from __future__ import annotations

from datetime import timedelta

from gateway.backoffice.moments import day_begin
from gateway.backoffice.rules.planner import appointments, items, letters, scheduling
from gateway.backoffice.shop import Shop, Values
from gateway.domain.errors import Invalid

#: In one go; the rest follow at the next round.
_MOST = 200


def remind(shop: Shop) -> int:
    """Send the reminders that are due, each once; return how many."""
    plan = scheduling.settings(shop)
    days = [(stamp, plan[name]) for stamp, name in _REMINDERS if plan[name] is not None]
    return _remind_planned(shop, days) + _remind_invited(shop, plan["reminder_days"])


#: Stamp and the setting that says how many days before.
_REMINDERS = (
    ("send_reminder_at", "reminder_days"),
    ("send_reminder_2_at", "reminder_2_days"),
)


def _remind_planned(shop: Shop, days: list[tuple[str, int]]) -> int:
    if not days:
        return 0
    table = shop.tables["appointment"]
    furthest = shop.now + timedelta(days=max(ahead for _, ahead in days))
    coming = shop.select("appointment").where(
        table.c.time_from > shop.now,
        table.c.time_from <= furthest,
        *(table.c[name].is_(None) for name in ("canceled_at", "visited_at", "not_visited_at")),
    )
    sent = 0
    for row in shop.rows(coming.order_by(table.c.time_from)):
        stamps = tuple(stamp for stamp, ahead in days if _is_due(shop, row, stamp, ahead))
        if stamps:
            # Both at once after a stop: one letter is enough.
            letters.remind(shop, row, stamps)
            sent += 1
    return sent


def _is_due(shop: Shop, row: Values, stamp: str, ahead: int) -> bool:
    moment = row["time_from"] - timedelta(days=ahead)
    # Who made the appointment after that moment does not have to be reminded of it.
    known = row["planned_at"] is not None and row["planned_at"] <= moment
    return row[stamp] is None and known and bool(moment <= shop.now)


def _remind_invited(shop: Shop, days: int | None) -> int:
    """Ask once more who was invited and did not choose."""
    if days is None:
        return 0
    table = shop.tables["appointment"]
    waiting = shop.select("appointment").where(
        table.c.appointment_or_invite == "invite",
        table.c.time_from.is_(None),
        table.c.send_at <= shop.now - timedelta(days=days),
        table.c.send_reminder_at.is_(None),
        table.c.plan_to > shop.now,
        *(table.c[name].is_(None) for name in ("canceled_at", "visited_at", "not_visited_at")),
    )
    rows = shop.rows(waiting.limit(_MOST))
    for row in rows:
        letters.invite(shop, row, "send_reminder_at")
    return len(rows)


def prepare(shop: Shop) -> int:
    """Make appointments of recurring items that are due soon ready; return how many.

    Once for each date: what people cancel is not made again, but stays on the list of items to
    be planned.
    """
    plan, table = scheduling.settings(shop), shop.tables["item"]
    due = shop.select("item").where(
        table.c.recurring.is_(True),
        table.c.plan_next_date <= shop.today + timedelta(days=plan["lead_days"]),
        table.c.prepared_for.is_(None) | (table.c.prepared_for != table.c.plan_next_date),
    )
    made = 0
    for item in shop.rows(due.order_by(table.c.plan_next_date).limit(_MOST)):
        if not items.open_appointments(shop, item["id"]):
            made += _prepare(shop, item)
        shop.change("item", item["id"], {"prepared_for": item["plan_next_date"]})
    return made


def _prepare(shop: Shop, item: Values) -> bool:
    begin = day_begin(max(item["plan_next_date"], shop.today))
    values = {
        "appointment_type_id": item["appointment_type_id"],
        "customer_id": item["customer_id"],
        "address_id": item["address_id"],
        "time": item["time"],
        "appointment_or_invite": item["appointment_or_invite"],
        "plan_from": begin,
        "services": [item["id"]],
        "users": [item["user_id"]] if item["user_id"] is not None else [],
    }
    try:
        with shop.connection.begin_nested():
            appointments.create(shop, values)
    except Invalid:
        return False  # the client or the employee is gone: it stays on the list for people
    return True
