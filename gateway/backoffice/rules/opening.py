"""Time that counts: the hours in which a garage is open, and the quiet ones of the night.

Hours are those of the country where the books are kept, so that a summer's day is as long as a
winter's at the door.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import cache

from gateway.backoffice.moments import BUSINESS_ZONE, business_day
from gateway.backoffice.refusal import wrong_field

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_SPAN = re.compile(r"^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)$")

#: A clock that has not run out within two years of opening hours never does.
_MOST_DAYS = 731

#: Weekday -> ``08:00-17:30``.
Hours = Mapping[str, str]


def check_hours(hours: Mapping[str, object]) -> None:
    """Refuse what is no table of opening hours.

    Raises:
        Unprocessable: an unknown weekday, or no span of one day.
    """
    for name, span in hours.items():
        if name not in WEEKDAYS:
            raise wrong_field("opening_hours", f"knows {', '.join(WEEKDAYS)}, not {name}.")
        if not isinstance(span, str) or not _SPAN.match(span):
            raise wrong_field("opening_hours", f"of {name} must look like 08:00-17:30.")
        first, last = _edges(span)
        if not first < last <= 24 * 60:
            raise wrong_field("opening_hours", f"of {name} must end after they begin.")


def due(start: datetime, counted: timedelta, hours: Hours, *, holidays: bool) -> datetime:
    """Return when ``counted`` of opening time has passed since ``start``.

    Without hours the garage never closes.
    """
    if not hours:
        return start + counted
    left = counted
    for begin, end in _spans(start, hours, holidays):
        length = end - max(begin, start)
        if length >= left:
            return max(begin, start) + left
        left -= max(length, timedelta())
    return start + timedelta(days=_MOST_DAYS)


def passed(start: datetime, end: datetime, hours: Hours, *, holidays: bool) -> timedelta:
    """Return how much opening time lies between two moments."""
    if not hours:
        return end - start
    total = timedelta()
    for begin, until in _spans(start, hours, holidays):
        if begin >= end:
            break
        total += max(min(until, end) - max(begin, start), timedelta())
    return total


def is_quiet(now: datetime, begin: str, until: str) -> bool:
    """Tell whether ``now`` lies between two times of day (``21:00``, ``08:00``)."""
    if not begin or not until or begin == until:
        return False
    clock = f"{now.astimezone(BUSINESS_ZONE):%H:%M}"
    if begin < until:
        return begin <= clock < until
    return clock >= begin or clock < until


def _spans(start: datetime, hours: Hours, holidays: bool) -> Iterator[tuple[datetime, datetime]]:
    first = business_day(start)
    for number in range(_MOST_DAYS):
        day = first + timedelta(days=number)
        span = hours.get(WEEKDAYS[day.weekday()])
        if span is None or (holidays and day in _days_off(day.year)):
            continue
        begin, end = _edges(span)
        yield _at(day, begin), _at(day, end)


@cache
def _days_off(year: int) -> frozenset[date]:
    """Return the Dutch holidays of a year; people work on Good Friday, which is one of them."""
    import holidays  # noqa: PLC0415 - slow to import

    found = holidays.country_holidays("NL", years=year, language="en_US")
    return frozenset(day for day, name in found.items() if name != "Good Friday")


def _edges(span: str) -> tuple[int, int]:
    """Return begin and end in minutes of the day."""
    (h1, m1), (h2, m2) = (one.split(":") for one in span.split("-"))
    return int(h1) * 60 + int(m1), int(h2) * 60 + int(m2)


def _at(day: date, minutes: int) -> datetime:
    following, rest = divmod(minutes, 24 * 60)
    clock = time(*divmod(rest, 60))
    local = datetime.combine(day + timedelta(days=following), clock, BUSINESS_ZONE)
    return local.astimezone(UTC)
