"""Work orders: their states, their trail, and what may still change.

The trail (timeline) is append-only. It speaks in labels, because people read it.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from gateway.backoffice.refusal import broken_rule
from gateway.backoffice.rules.customers import full_name
from gateway.backoffice.rules.numbering import next_number
from gateway.backoffice.shop import Shop, Values

#: Slug -> label. The order is the usual way through the shop.
STATUSES = {
    "new": "New",
    "diagnosing": "Diagnosing",
    "in_repair": "In Repair",
    "waiting_parts": "Waiting for Parts",
    "completed": "Completed",
    "picked_up": "Picked Up",
    "cancelled": "Cancelled",
}

#: (from, to) pairs that may happen; completed orders may be opened again.
MOVES = frozenset(
    {
        ("new", "in_repair"),
        ("new", "diagnosing"),
        ("new", "cancelled"),
        ("diagnosing", "in_repair"),
        ("diagnosing", "cancelled"),
        ("in_repair", "waiting_parts"),
        ("in_repair", "completed"),
        ("in_repair", "cancelled"),
        ("waiting_parts", "in_repair"),
        ("waiting_parts", "cancelled"),
        ("completed", "picked_up"),
        ("completed", "in_repair"),
    }
)

#: The work is over: lines no longer change.
FINISHED = frozenset({"completed", "picked_up", "cancelled"})

EVENTS = (
    "created",
    "field_changed",
    "note_added",
    "engineer_assigned",
    "status_changed",
    "completed",
)

#: Columns whose changes the trail tells one by one.
_TRACKED = {
    "customer_id": "Customer",
    "device_brand": "Device brand",
    "device_model": "Device model",
    "problem_description": "Problem",
    "priority": "Priority",
    "expected_ready_at": "Expected ready",
}


def record(
    shop: Shop, order_id: int, event: str, description: str, changes: Values | None = None
) -> int:
    """Add an entry to an order's trail and return its id."""
    entry = {
        "work_order_id": order_id,
        "event": event,
        "description": description,
        "changes": changes,
        "user_id": shop.user_id,
    }
    return shop.insert("work_order_event", entry)


def open_order(shop: Shop, values: Values) -> int:
    """Open a work order with the next number, and begin its trail."""
    number = next_number(shop, "WO", shop.now)
    order_id = shop.insert("work_order", values | {"ticket_no": number, "status": "new"})
    record(shop, order_id, "created", f"Work order {number} opened")
    _record_assignment(shop, order_id, values.get("assigned_to"))
    return order_id


def change_order(shop: Shop, row: Values, values: Values) -> None:
    """Change fields or status, and tell the trail what was and what is.

    Raises:
        Invalid: the status cannot follow the present one.
    """
    changed = {name: value for name, value in values.items() if row[name] != value}
    stamps = _move(shop, row, str(changed["status"])) if "status" in changed else {}
    if not changed:
        return
    shop.change("work_order", row["id"], changed | stamps)
    for name, label in _TRACKED.items():
        if name in changed:
            _record_field(shop, row, name, label, changed[name])
    if "assigned_to" in changed:
        _record_assignment(shop, row["id"], changed["assigned_to"])


def remove_order(shop: Shop, row: Values) -> None:
    """Remove an order; its number stays used.

    Raises:
        Invalid: it was completed: the books refer to it.
    """
    if row["status"] in {"completed", "picked_up"}:
        raise broken_rule(f"The order is {STATUSES[row['status']]}: finished orders stay.")
    shop.remove("work_order", row["id"])


def add_line(shop: Shop, values: Values) -> int:
    """Add a line; raises ``Invalid`` once the order is finished."""
    _check_open(shop, values["work_order_id"])
    return shop.insert("work_order_line", values)


def change_line(shop: Shop, row: Values, values: Values) -> None:
    """Change a line; raises ``Invalid`` once the order is finished."""
    _check_open(shop, row["work_order_id"])
    if values:
        shop.change("work_order_line", row["id"], values)


def remove_line(shop: Shop, row: Values) -> None:
    """Remove a line; raises ``Invalid`` once the order is finished."""
    _check_open(shop, row["work_order_id"])
    shop.remove("work_order_line", row["id"])


def add_note(shop: Shop, values: Values) -> int:
    """Attach a note, internal unless said otherwise, and tell the trail."""
    note_id = shop.insert("work_order_note", values | {"user_id": shop.user_id})
    record(shop, values["work_order_id"], "note_added", values["note"])
    return note_id


def add_trail_note(shop: Shop, values: Values) -> int:
    """Attach an internal note by way of the trail, and return the trail's entry."""
    order_id, note = values["work_order_id"], values["note"]
    internal = {"note": note, "is_internal": True, "user_id": shop.user_id}
    shop.insert("work_order_note", {"work_order_id": order_id} | internal)
    return record(shop, order_id, "note_added", note)


def _move(shop: Shop, row: Values, status: str) -> Values:
    was = row["status"]
    if (was, status) not in MOVES:
        raise broken_rule(f"The status cannot go from {STATUSES[was]} to {STATUSES[status]}.")
    text = f"Status changed from {STATUSES[was]} to {STATUSES[status]}"
    record(shop, row["id"], "status_changed", text, {"status": {"old": was, "new": status}})
    if status == "completed":
        record(shop, row["id"], "completed", "Work completed")
        return {"completed_at": shop.now}
    return {"completed_at": None} if was == "completed" and status == "in_repair" else {}


def _record_field(shop: Shop, row: Values, name: str, label: str, now: object) -> None:
    was = row[name]
    changes = {name: {"old": _plain(was), "new": _plain(now)}}
    spoken = [_spoken(shop, name, value) for value in (was, now)]
    text = f"{label} changed from {spoken[0]} to {spoken[1]}"
    record(shop, row["id"], "field_changed", text, changes)


def _record_assignment(shop: Shop, order_id: int, user_id: int | None) -> None:
    if user_id is None:
        return
    user = shop.find("shop_user", id=user_id)
    record(shop, order_id, "engineer_assigned", f"Assigned to {user['name'] if user else '?'}")


def _check_open(shop: Shop, order_id: int) -> None:
    order = shop.find("work_order", id=order_id)
    if order is not None and order["status"] in FINISHED:
        label = STATUSES[order["status"]]
        raise broken_rule(f"The order is {label}: open it again before changing its lines.")


def _plain(value: object) -> object:
    """Return ``value`` as JSON columns take it."""
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


def _spoken(shop: Shop, name: str, value: object) -> str:
    if name == "customer_id":
        person = shop.find_ever("customer", id=value)
        return full_name(person) if person else "nobody"
    return "empty" if value in {None, ""} else str(_plain(value))
