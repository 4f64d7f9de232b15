"""Work orders: their states, their trail, and what may still change.

The trail (timeline) is append-only. It speaks in labels, because people read it.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from gateway.backoffice.nouns.workshop import STATUSES
from gateway.backoffice.refusal import broken_rule
from gateway.backoffice.rules.announcing import announce
from gateway.backoffice.rules.customers import full_name
from gateway.backoffice.rules.documents import check_rates
from gateway.backoffice.rules.garage import setting
from gateway.backoffice.rules.leave import is_away
from gateway.backoffice.rules.notices import notify
from gateway.backoffice.rules.numbering import next_number
from gateway.backoffice.rules.opening import passed
from gateway.backoffice.rules.service_levels import stop_clocks
from gateway.backoffice.rules.telling import tell_note, tell_status
from gateway.backoffice.shop import Shop, Values

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

#: What keeps an order from being removed.
_REFERRING = {
    "invoice": "an invoice",
    "pick_list": "a pick list",
    "warranty_claim": "a warranty claim",
}

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
    _assign(shop, order_id, number, values.get("assigned_to"))
    announce(shop, "wo_created", order_id)
    return order_id


def change_order(shop: Shop, row: Values, values: Values) -> None:
    """Change fields or status, and tell the trail what was and what is.

    Raises:
        Invalid: the status cannot follow the present one.
    """
    changed = {name: value for name, value in values.items() if row[name] != value}
    if changed:
        check_not_invoiced(shop, row["id"])
    stamps = _move(shop, row, str(changed["status"])) if "status" in changed else {}
    if not changed:
        return
    shop.change("work_order", row["id"], changed | stamps)
    for name, label in _TRACKED.items():
        if name in changed:
            _record_field(shop, row, name, label, changed[name])
    if "assigned_to" in changed:
        _assign(shop, row["id"], row["ticket_no"], changed["assigned_to"])
    if "status" in changed:
        _tell_status(shop, row, changed["status"])


def remove_order(shop: Shop, row: Values) -> None:
    """Remove an order; its number stays used.

    Raises:
        Invalid: it was completed, or invoices, pick lists or claims refer to it.
    """
    for noun, name in _REFERRING.items():
        if shop.find(noun, work_order_id=row["id"]) is not None:
            raise broken_rule(f"There is {name} for this order: it stays.")
    if row["status"] in {"completed", "picked_up"}:
        raise broken_rule(f"The order is {STATUSES[row['status']]}: finished orders stay.")
    shop.remove("work_order", row["id"])


def add_line(shop: Shop, values: Values) -> int:
    """Add a line; raises ``Invalid`` once the order is finished, or without such a VAT rate."""
    _check_open(shop, values["work_order_id"])
    check_rates(shop, [values])
    return shop.insert("work_order_line", values)


def change_line(shop: Shop, row: Values, values: Values) -> None:
    """Change a line; raises ``Invalid`` once the order is finished."""
    _check_open(shop, row["work_order_id"])
    check_rates(shop, [values])
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
    if values.get("is_internal") is False:
        tell_note(shop, shop.get("work_order", values["work_order_id"]), values["note"])
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
    finished = status in FINISHED
    stop_clocks(shop, row["id"], responded=True, done=finished)
    stamps: Values = {"responded_at": row["responded_at"] or shop.now} | _pause(shop, row, status)
    if status == "completed":
        record(shop, row["id"], "completed", "Work completed")
        stamps["completed_at"] = shop.now
    if was == "completed" and status == "in_repair":
        stamps["completed_at"] = None
    return stamps


def _pause(shop: Shop, row: Values, status: str) -> Values:
    """Stop the clock of the service level while parts are awaited."""
    if status == "waiting_parts":
        return {"waiting_since": shop.now}
    if row["waiting_since"] is None:
        return {}
    own = setting(shop)
    opening, free = own["opening_hours"] or {}, own["closed_on_holidays"]
    waited = passed(row["waiting_since"], shop.now, opening, holidays=free)
    seconds = (row["paused_seconds"] or 0) + int(waited.total_seconds())
    return {"waiting_since": None, "paused_seconds": seconds}


def check_not_invoiced(shop: Shop, order_id: int) -> None:
    """Refuse changes to an order that a bill was sent for; raises ``Invalid``."""
    for invoice in shop.where("invoice", work_order_id=order_id):
        if invoice["status"] not in {"draft", "cancelled"}:
            number = invoice["invoice_number"]
            raise broken_rule(
                f"Invoice {number} was sent for this order: only notes can be added."
            )


def _tell_status(shop: Shop, row: Values, status: str) -> None:
    title = f"{row['ticket_no']} is {STATUSES[status]}"
    link = f"/work-orders/{row['id']}"
    notify(shop, [row["assigned_to"]], "wo_status_changed", title, title, link)
    tell_status(shop, row, status)
    announce(shop, "wo_status_changed", row["id"])


def _record_field(shop: Shop, row: Values, name: str, label: str, now: object) -> None:
    was = row[name]
    changes = {name: {"old": _plain(was), "new": _plain(now)}}
    spoken = [_spoken(shop, name, value) for value in (was, now)]
    text = f"{label} changed from {spoken[0]} to {spoken[1]}"
    record(shop, row["id"], "field_changed", text, changes)


def _assign(shop: Shop, order_id: int, number: str, user_id: int | None) -> None:
    """Tell the trail and the engineer; raises ``Invalid`` for one who is on leave today."""
    if user_id is None:
        return
    user = shop.get("shop_user", user_id)
    if is_away(shop, user_id, shop.today):
        raise broken_rule(f"{user['name']} is on leave today. Choose somebody else.")
    record(shop, order_id, "engineer_assigned", f"Assigned to {user['name']}")
    title = f"{number} was assigned to you"
    notify(shop, [user_id], "wo_assigned", title, title, f"/work-orders/{order_id}")
    announce(shop, "wo_assigned", order_id)


def _check_open(shop: Shop, order_id: int) -> None:
    order = shop.find("work_order", id=order_id)
    if order is not None and order["status"] in FINISHED:
        label = STATUSES[order["status"]]
        raise broken_rule(f"The order is {label}: open it again before changing its lines.")
    check_not_invoiced(shop, order_id)


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
