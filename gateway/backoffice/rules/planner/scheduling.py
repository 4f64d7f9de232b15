"""When people are free, and how long the way is.

Whoever changes the calendar holds it first (:func:`hold`): of two who want the same hour, the
second sees what the first did.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import select

from gateway.backoffice.moments import BUSINESS_ZONE, business_day
from gateway.backoffice.nouns.planning import PLANNER_SETTING
from gateway.backoffice.rules import seeds
from gateway.backoffice.rules.leave import worked_days
from gateway.backoffice.shop import Shop, Values

#: Appointments begin at these minutes.
STEP = timedelta(minutes=30)

#: Nobody is sent out with less notice.
NOTICE = timedelta(hours=1)

#: A window is looked through no further, and no more times are offered.
_MOST_DAYS = 92
MOST_SLOTS = 120

#: Streets are longer than the straight line, by experience.
_DETOUR = 1.3
_EARTH_KM = 6371.0

#: Roles that visit customers.
VISITORS = frozenset({"owner", "manager", "employee"})


@dataclass(frozen=True, slots=True)
class Slot:
    """A time that could be an appointment's.

    Attributes:
        begin: UTC.
        users: who would come.
    """

    begin: datetime
    users: tuple[int, ...]


def settings(shop: Shop) -> Values:
    """Return how the garage plans; what it never set is as the table has it."""
    row = next(iter(shop.where("planner_setting")), None)
    columns = {c.name: c.default for c in PLANNER_SETTING.columns}
    return columns if row is None else {name: row[name] for name in columns}


def hold(shop: Shop) -> int:
    """Hold the garage's calendar until the transaction ends; return its row's id."""
    seeds.plant(shop, PLANNER_SETTING)
    row = shop.where("planner_setting")[0]
    return int(shop.lock("planner_setting", row["id"])["id"])


def visitors(shop: Shop) -> tuple[int, ...]:
    """Return who may be sent to customers."""
    rows = shop.where("shop_user", enabled=True)
    return tuple(row["id"] for row in rows if row["role"] in VISITORS)


def engaged(
    shop: Shop, users: Iterable[int], begin: datetime, end: datetime, own_id: int | None = None
) -> dict[int, list[tuple[datetime, datetime]]]:
    """Return user -> appointments that touch the time between, without the one called ``own_id``.

    One that ends when another begins does not touch it.
    """
    table, pivot = shop.tables["appointment"], shop.tables["appointment_user"]
    query = shop.select("appointment").where(
        table.c.time_from < end, table.c.time_to > begin, table.c.canceled_at.is_(None)
    )
    found = {row["id"]: row for row in shop.rows(query) if row["id"] != own_id}
    if not found:
        return {}
    chosen = shop.select("appointment_user").where(
        pivot.c.appointment_id.in_(sorted(found)), pivot.c.user_id.in_(sorted(users))
    )
    times: defaultdict[int, list[tuple[datetime, datetime]]] = defaultdict(list)
    for row in shop.rows(chosen):
        one = found[row["appointment_id"]]
        times[row["user_id"]].append((one["time_from"], one["time_to"]))
    return dict(times)


def free_slots(
    shop: Shop,
    minutes: int,
    window: tuple[datetime, datetime],
    users: Sequence[int] = (),
    own_id: int | None = None,
) -> Iterator[Slot]:
    """Yield times within ``window`` at which everybody of ``users`` is free, in order.

    Without ``users`` one free person is enough, and named in the slot.
    """
    first, last = max(window[0], shop.now + NOTICE), window[1]
    last = min(last, first + timedelta(days=_MOST_DAYS))
    if last <= first:
        return
    people = tuple(users) or visitors(shop)
    taken = engaged(shop, people, first, last, own_id)
    away = _away(shop, people, business_day(first), business_day(last))
    length, plan = timedelta(minutes=minutes), settings(shop)
    for day in worked_days(business_day(first), business_day(last)):
        for begin in _begins(day, plan, length):
            if begin < first or begin + length > last:
                continue
            free = [
                user
                for user in people
                if (user, day) not in away and _is_free(taken.get(user, ()), begin, length)
            ]
            if len(free) == len(people) if users else free:
                yield Slot(begin, tuple(users) or (free[0],))


def _begins(day: date, plan: Values, length: timedelta) -> Iterator[datetime]:
    opens, closes = (
        datetime.combine(day, time.fromisoformat(plan[name]), BUSINESS_ZONE)
        for name in ("opens_at", "closes_at")
    )
    begin = opens
    while begin + length <= closes:
        yield begin.astimezone(UTC)
        begin += STEP


def _is_free(
    taken: Iterable[tuple[datetime, datetime]], begin: datetime, length: timedelta
) -> bool:
    return all(end <= begin or start >= begin + length for start, end in taken)


def _away(shop: Shop, users: Sequence[int], first: date, last: date) -> set[tuple[int, date]]:
    """Return (user, day) of granted leave."""
    table = shop.tables["leave_request"]
    rows = shop.rows(
        shop.select("leave_request").where(
            table.c.status == "approved",
            table.c.employee_id.in_(users),
            table.c.start_date <= last,
            table.c.end_date >= first,
        )
    )
    return {
        (row["employee_id"], row["start_date"] + timedelta(days=n))
        for row in rows
        for n in range((row["end_date"] - row["start_date"]).days + 1)
    }


def drive_time(
    shop: Shop, users: Sequence[int], begin: datetime, address_id: int | None
) -> int | None:
    """Return the minutes from the same day's appointment before to an address.

    ``None`` where it is the first of the day, or a place is unknown.
    """
    if not users or address_id is None:
        return None
    midnight = datetime.combine(business_day(begin), time(), BUSINESS_ZONE)
    last = _before(shop, users[0], midnight, begin)
    if last is None or last["address_id"] is None:
        return None
    there = [_place(shop, last["address_id"]), _place(shop, address_id)]
    if there[0] is None or there[1] is None:
        return None
    hours = distance(there[0], there[1]) * _DETOUR / float(settings(shop)["drive_speed"])
    return math.ceil(hours * 60)


def _before(shop: Shop, user_id: int, midnight: datetime, begin: datetime) -> Values | None:
    """Return the appointment that somebody has last before ``begin`` on a day."""
    table, pivot = shop.tables["appointment"], shop.tables["appointment_user"]
    theirs = select(pivot.c.appointment_id).where(*shop.visible(pivot), pivot.c.user_id == user_id)
    earlier = shop.select("appointment").where(
        table.c.time_from >= midnight,
        table.c.time_to <= begin,
        table.c.canceled_at.is_(None),
        table.c.id.in_(theirs),
    )
    found = shop.rows(earlier.order_by(table.c.time_from.desc()).limit(1))
    return next(iter(found), None)


def _place(shop: Shop, address_id: int) -> tuple[float, float] | None:
    row = shop.find_ever("address", id=address_id) or {}
    try:
        place = float(row.get("geocode_lat") or ""), float(row.get("geocode_lng") or "")
    except ValueError:
        return None
    return place if all(map(math.isfinite, place)) else None


def distance(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Return the kilometres between two places, given as degrees north and east."""
    north1, east1, north2, east2 = (math.radians(v) for v in (*one, *other))
    half = (
        math.sin((north2 - north1) / 2) ** 2
        + math.cos(north1) * math.cos(north2) * math.sin((east2 - east1) / 2) ** 2
    )
    return 2 * _EARTH_KM * math.asin(math.sqrt(min(1.0, half)))
