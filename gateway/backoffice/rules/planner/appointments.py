"""Appointments: made, planned, confirmed, visited, cancelled. The status follows from stamps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.backoffice.moments import business_day, day_begin
from gateway.backoffice.refusal import broken_rule, wrong_field
from gateway.backoffice.rules.planner import items, letters, scheduling
from gateway.backoffice.rules.work_orders import open_order
from gateway.backoffice.shop import Shop, Values

#: Stamp -> status; the first stamp that is set decides.
STATUSES = (
    ("canceled_at", "canceled"),
    ("visited_at", "visited"),
    ("not_visited_at", "not_visited"),
    ("confirmed_at", "confirmed"),
    ("send_at", "sent"),
    ("planned_at", "planned"),
)

#: A window when nothing is said, and the longest.
_WINDOW_DAYS = 30
_LONGEST = timedelta(days=366)


def status_of(row: Mapping[str, Any]) -> str:
    """Return the status that follows from the stamps. Any: columns hold what their kinds say."""
    return next((status for stamp, status in STATUSES if row[stamp] is not None), "prepared")


def open_of(shop: Shop, client_id: int) -> list[Values]:
    """Return a client's appointments that are neither cancelled nor over."""
    rows = shop.where("appointment", customer_id=client_id)
    return [row for row in rows if _is_open(row)]


def create(shop: Shop, values: Values) -> int:
    """Make an appointment, or an invitation to choose a time for one.

    ``time_from`` fixes the time; ``plan_appointment`` takes the first that is free in the window;
    otherwise it waits in its window to be planned.

    Raises:
        Unprocessable: address, items or people are not the right ones, somebody is engaged, or
            times are out of order.
    """
    values = dict(values)
    services, users = values.pop("services", None) or [], values.pop("users", None) or []
    at_once = values.pop("plan_appointment", None) or False
    scheduling.hold(shop)
    values["time"] = values.get("time") or _duration(shop, values)
    _check_parts(shop, values, services, users)
    _check_way(values, at_once=at_once)
    _set_window(shop, values, services)
    if values.get("time_from") is not None:
        _fix_time(values)
    elif at_once:
        users = _take_first(shop, values, users)
    values |= {"prepared_at": shop.now, **_placed(shop, values, users, None)}
    values = {name: value for name, value in values.items() if value is not None}
    appointment_id = shop.insert("appointment", values)
    for item_id in dict.fromkeys(services):
        pair = {"appointment_id": appointment_id, "item_id": item_id}
        shop.insert("appointment_item", pair)
    _send_users(shop, appointment_id, users)
    letters.announce(shop, shop.get("appointment", appointment_id))
    return appointment_id


def plan(shop: Shop, row: Values, values: Values) -> None:
    """Put an appointment on the calendar, or at another time.

    Raises:
        Invalid: it is over.
        Unprocessable: somebody is engaged then.
    """
    check_open(row)
    scheduling.hold(shop)
    users = values.get("users")
    users = users_of(shop, row["id"]) if users is None else users
    _check_users(shop, users)
    changed = row | {"time_from": values["time_from"], "time_to": None}
    changed["time"] = values.get("time") or row["time"]
    _fix_time(changed)
    placed = _placed(shop, changed, users, row["id"])
    names = ("time", "time_from", "time_to")
    # Another time is another appointment to the client: they are asked and reminded anew.
    anew = dict.fromkeys(("confirmed_at", "send_reminder_at", "send_reminder_2_at"))
    shop.change("appointment", row["id"], {n: changed[n] for n in names} | anew | placed)
    _send_users(shop, row["id"], users)
    letters.announce(shop, shop.get("appointment", row["id"]))


def confirm(shop: Shop, row: Values, _: Values) -> None:
    """Put down that the client agrees; raises ``Invalid`` before there is a time."""
    check_open(row)
    if row["time_from"] is None:
        raise broken_rule("There is no time yet to agree to. Plan the appointment first.")
    if row["confirmed_at"] is None:
        shop.change("appointment", row["id"], {"confirmed_at": shop.now})


def visit(shop: Shop, row: Values, values: Values) -> None:
    """Put down a visit: its items are due again a cycle later, and a work order is opened.

    Raises:
        Invalid: it is over, or not yet begun.
    """
    check_open(row)
    moment = values.get("visited_at") or shop.now
    if moment > shop.now:
        raise wrong_field("visited_at", "must not lie ahead.")
    pairs = shop.where("appointment_item", appointment_id=row["id"])
    for pair in pairs:
        items.note_visit(shop, pair["item_id"], business_day(moment))
    order_id = _order(shop, row, [pair["item_id"] for pair in pairs])
    stamped = {"visited_at": moment, "work_order_id": order_id}
    shop.change("appointment", row["id"], stamped)


def miss(shop: Shop, row: Values, _: Values) -> None:
    """Put down that nobody could be visited; the items stay due."""
    check_open(row)
    shop.change("appointment", row["id"], {"not_visited_at": shop.now})


def cancel(shop: Shop, row: Values) -> None:
    """Cancel an appointment; a client who had confirmed it is told.

    Raises:
        Invalid: the visit took place.
    """
    if row["visited_at"] is not None:
        raise broken_rule("The visit took place: it stays.")
    scheduling.hold(shop)
    if row["confirmed_at"] is not None and row["canceled_at"] is None:
        letters.regret(shop, row)
    shop.change("appointment", row["id"], {"canceled_at": row["canceled_at"] or shop.now})
    shop.remove("appointment", row["id"])


def users_of(shop: Shop, appointment_id: int) -> list[int]:
    """Return who comes."""
    rows = shop.where("appointment_user", appointment_id=appointment_id)
    return [row["user_id"] for row in rows]


def check_open(row: Values) -> None:
    """Refuse what is over; raises ``Invalid``."""
    if not _is_open(row):
        raise broken_rule(f"The appointment is {status_of(row)}: it does not change any more.")


def _is_open(row: Values) -> bool:
    return all(row[name] is None for name in ("canceled_at", "visited_at", "not_visited_at"))


def _duration(shop: Shop, values: Values) -> int:
    kind = shop.find("appointment_type", id=values["appointment_type_id"])
    if kind is None:
        raise wrong_field("appointment_type_id", "is invalid.")
    return int(kind["time"])


def _check_parts(
    shop: Shop, values: Values, services: Sequence[int], users: Sequence[int]
) -> None:
    _duration(shop, values)
    client_id = values["customer_id"]
    if shop.find("customer", id=client_id) is None:
        raise wrong_field("client_id", "is invalid.")
    if shop.find("address", id=values["address_id"], customer_id=client_id) is None:
        raise wrong_field("address_id", "must be an address of this client.")
    for item_id in services:
        if shop.find("item", id=item_id, customer_id=client_id) is None:
            raise wrong_field("services", f"names {item_id}, which is no item of this client.")
    _check_users(shop, users)


def _check_users(shop: Shop, users: Sequence[int]) -> None:
    for user_id in users:
        if shop.find("shop_user", id=user_id, enabled=True) is None:
            raise wrong_field("users", f"names {user_id}, who does not work here.")


def _check_way(values: Values, *, at_once: bool) -> None:
    fixed = at_once or values.get("time_from") is not None
    if values.get("appointment_or_invite") == "invite" and fixed:
        raise wrong_field(
            "appointment_or_invite", "lets the client choose: give a window, and no time."
        )


def _set_window(shop: Shop, values: Values, services: Sequence[int]) -> None:
    first, last = values.get("plan_from"), values.get("plan_to")
    if first is None:
        due = [(shop.find("item", id=one) or {}).get("plan_next_date") for one in services]
        days = [day for day in due if day is not None]
        fixed = values.get("time_from")
        today = shop.today if fixed is None else business_day(fixed)
        first = day_begin(max(min(days, default=today), today) if fixed is None else today)
    if last is None:
        following = day_begin(business_day(first) + timedelta(days=_WINDOW_DAYS + 1))
        last = following - timedelta(seconds=1)
    if not timedelta() < last - first <= _LONGEST:
        raise wrong_field("plan_to", "must lie after plan_from, by a year at most.")
    values |= {"plan_from": first, "plan_to": last}


def _fix_time(values: Values) -> None:
    begin, end = values["time_from"], values.get("time_to")
    if end is None:
        end = begin + timedelta(minutes=values["time"])
    minutes = (end - begin) / timedelta(minutes=1)
    if not 5 <= minutes <= 24 * 60 or minutes != int(minutes):
        raise wrong_field("time_to", "must lie whole minutes after time_from, a day at most.")
    values |= {"time_to": end, "time": int(minutes)}


def _take_first(shop: Shop, values: Values, users: Sequence[int]) -> list[int]:
    window = values["plan_from"], values["plan_to"]
    slot = next(scheduling.free_slots(shop, values["time"], window, users), None)
    if slot is None:
        raise wrong_field("plan_to", "leaves no free time. Widen the window, or ask others.")
    values["time_from"] = slot.begin
    _fix_time(values)
    return list(slot.users)


def _placed(shop: Shop, values: Values, users: Sequence[int], own_id: int | None) -> Values:
    """Return what goes with a time; raises ``Unprocessable`` when somebody is engaged then."""
    begin, end = values.get("time_from"), values.get("time_to")
    if begin is None or end is None:
        return {"begins_at": values["plan_from"]}
    busy = scheduling.engaged(shop, users, begin, end, own_id)
    if busy:
        names = [shop.get("shop_user", user)["name"] for user in busy]
        raise wrong_field("users", f"names {', '.join(names)}, who has an appointment then.")
    minutes = scheduling.drive_time(shop, users, begin, values.get("address_id"))
    return {"begins_at": begin, "planned_at": shop.now, "drive_time": minutes}


def _send_users(shop: Shop, appointment_id: int, users: Sequence[int]) -> None:
    """Let these people come, and no others."""
    for old in shop.where("appointment_user", appointment_id=appointment_id):
        shop.remove("appointment_user", old["id"])
    for user_id in dict.fromkeys(users):
        pair = {"appointment_id": appointment_id, "user_id": user_id}
        shop.insert("appointment_user", pair)


def take(shop: Shop, row: Values, begin: datetime) -> None:
    """Let a client have a time they chose; it is confirmed with that.

    Raises:
        Invalid: it is no longer free.
    """
    scheduling.hold(shop)
    row = shop.lock("appointment", row["id"])
    check_open(row)
    if row["confirmed_at"] is not None:
        raise broken_rule("This appointment has a time already.")
    window, users = (row["plan_from"], row["plan_to"]), users_of(shop, row["id"])
    offered = scheduling.free_slots(shop, row["time"], window, users, row["id"])
    slot = next((one for one in offered if one.begin == begin.astimezone(UTC)), None)
    if slot is None:
        raise broken_rule("This time has just been taken. Please choose another.")
    changed = row | {"time_from": slot.begin, "time_to": None}
    _fix_time(changed)
    placed = _placed(shop, changed, slot.users, row["id"])
    times = {name: changed[name] for name in ("time_from", "time_to")}
    shop.change("appointment", row["id"], times | placed | {"confirmed_at": shop.now})
    _send_users(shop, row["id"], slot.users)
    letters.confirm(shop, shop.get("appointment", row["id"]))


def _order(shop: Shop, row: Values, item_ids: Sequence[int]) -> int:
    """Open the work order of a visit; return its id."""
    if row["work_order_id"] is not None:
        return int(row["work_order_id"])
    found = [item for item in (shop.find("item", id=one) for one in item_ids) if item]
    kind = shop.find_ever("appointment_type", id=row["appointment_type_id"]) or {"name": ""}
    names = ", ".join(item["name"] for item in found)
    problem = row["description_intern"] or f"{kind['name']}: {names}".rstrip(": ")
    order = {"customer_id": row["customer_id"], "problem_description": problem}
    if found:
        order |= {"device_id": found[0]["device_id"], "device_model": found[0]["name"][:100]}
    return open_order(shop, order)
