"""Leave: working days only, within the allowance, decided by a manager."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from gateway.backoffice.refusal import broken_rule, wrong_field
from gateway.backoffice.rules.notices import notify, notify_admins
from gateway.backoffice.shop import Shop, Values
from gateway.domain.money import ZERO

#: Whole years of leave in one request are a slip of the keyboard.
_LONGEST = timedelta(days=366)

#: On the list of holidays, and yet no day off.
_WORKED = "Good Friday"

_COUNTS = frozenset({"pending", "approved"})


def request(shop: Shop, values: Values) -> int:
    """Ask for leave; it waits for a manager.

    Raises:
        Invalid: dates out of order, it overlaps, or the allowance is used up.
    """
    employee = shop.find("shop_user", id=values["employee_id"])
    if employee is None:
        raise wrong_field("employee_id", "is invalid.")
    first, last = values["start_date"], values["end_date"]
    if last < first or last - first > _LONGEST:
        raise wrong_field("end_date", "must lie within a year after start_date.")
    _check_overlap(shop, values)
    days = working_days(first, last)
    _check_allowance(shop, values, days)
    request_id = shop.insert("leave_request", values | {"working_days": days})
    text = f"{employee['name']}: {first} to {last}, {days} working days."
    notify_admins(shop, "leave_requested", "Leave requested", text, f"/leave/{request_id}")
    return request_id


def approve(shop: Shop, row: Values, _: Values) -> None:
    """Grant a request; the days count against the allowance."""
    _decide(shop, row, "approved", None)


def reject(shop: Shop, row: Values, values: Values) -> None:
    """Refuse a request."""
    _decide(shop, row, "rejected", values.get("reason"))


def cancel(shop: Shop, row: Values) -> None:
    """Take a request back: while it waits, or granted before it begins.

    Raises:
        Invalid: it began, or was refused.
    """
    early = row["status"] == "approved" and row["start_date"] > shop.today
    if row["status"] != "pending" and not early:
        raise broken_rule(f"Leave that is {row['status']} cannot be taken back any more.")
    shop.change("leave_request", row["id"], {"status": "cancelled"})


def is_away(shop: Shop, user_id: int, day: date) -> bool:
    """Tell whether somebody has granted leave on a day."""
    table = shop.tables["leave_request"]
    return bool(
        shop.count(
            "leave_request",
            table.c.start_date <= day,
            table.c.end_date >= day,
            employee_id=user_id,
            status="approved",
        )
    )


def working_days(first: date, last: date) -> Decimal:
    """Return how many days between are worked."""
    return Decimal(len(worked_days(first, last)))


def worked_days(first: date, last: date) -> list[date]:
    """Return the days between that are neither weekend nor a general day off here.

    Good Friday is on the list of Dutch holidays, but people work on it.
    """
    import holidays  # noqa: PLC0415 - slow to import

    years = range(first.year, last.year + 1)
    free = holidays.country_holidays("NL", years=years, language="en_US")
    span = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return [day for day in span if day.weekday() < 5 and free.get(day, _WORKED) == _WORKED]


def calendar(shop: Shop, values: Values) -> bytes:
    """Return granted leave as a calendar feed (RFC 5545)."""
    import icalendar  # noqa: PLC0415 - slow to import

    feed = icalendar.Calendar()
    feed.add("prodid", "-//gateway//leave//EN")
    feed.add("version", "2.0")
    for row in shop.where("leave_request", status="approved", **values):
        person = shop.find("shop_user", id=row["employee_id"])
        event = icalendar.Event()
        event.add("uid", f"leave-{shop.tenant_id}-{row['id']}@gateway")
        event.add("dtstamp", row["updated_at"])
        event.add("dtstart", row["start_date"])
        event.add("dtend", row["end_date"] + timedelta(days=1))
        event.add("summary", f"{person['name'] if person else '?'}: leave")
        feed.add_component(event)
    return bytes(feed.to_ical())


def _decide(shop: Shop, row: Values, status: str, reason: str | None) -> None:
    if row["status"] != "pending":
        raise broken_rule(f"The request is {row['status']}: it was decided already.")
    decided = {"status": status, "decided_by": shop.user_id, "reason": reason}
    shop.change("leave_request", row["id"], decided)
    text = f"{row['start_date']} to {row['end_date']}. {reason or ''}"
    notify(shop, [row["employee_id"]], "leave_decided", f"Your leave was {status}", text)


def _check_overlap(shop: Shop, values: Values) -> None:
    table = shop.tables["leave_request"]
    overlapping = shop.count(
        "leave_request",
        table.c.start_date <= values["end_date"],
        table.c.end_date >= values["start_date"],
        table.c.status.in_(_COUNTS),
        employee_id=values["employee_id"],
    )
    if overlapping:
        raise broken_rule("There is leave on some of these days already.")


def _check_allowance(shop: Shop, values: Values, days: Decimal) -> None:
    kind = shop.get("leave_type", values["leave_type_id"])
    allowance, year = kind["yearly_allowance_days"], values["start_date"].year
    if allowance is None:
        return
    own = {"employee_id": values["employee_id"], "leave_type_id": kind["id"]}
    taken = sum(
        (
            row["working_days"]
            for row in shop.where("leave_request", **own)
            if row["status"] in _COUNTS and row["start_date"].year == year
        ),
        ZERO,
    )
    if taken + days > allowance:
        left = allowance - taken
        raise broken_rule(f"{left} days of {kind['name']} are left in {year}, not {days}.")
