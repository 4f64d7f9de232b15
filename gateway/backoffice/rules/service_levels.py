"""Service levels: an order has two clocks, and missing either is noted once.

The clocks run from the order's opening while the garage is open (``rules/opening``); waiting for
parts stops the second one. The policy whose
``applies_to`` is the order's priority counts, else the one that is for all.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from gateway.backoffice.refusal import wrong_field
from gateway.backoffice.rules.announcing import announce
from gateway.backoffice.rules.garage import setting
from gateway.backoffice.rules.notices import notify_admins
from gateway.backoffice.rules.opening import due
from gateway.backoffice.shop import Shop, Values

#: Orders looked at in one round, oldest first.
_MOST_ORDERS = 5_000


def create_policy(shop: Shop, values: Values) -> int:
    """Store a policy; raises ``Unprocessable`` when the work is due before the answer."""
    _check_hours(values)
    return shop.insert("sla_policy", values)


def change_policy(shop: Shop, row: Values, values: Values) -> None:
    """Change a policy."""
    _check_hours(row | values)
    if values:
        shop.change("sla_policy", row["id"], values)


def _check_hours(values: Values) -> None:
    if values["resolution_hours"] < values["response_hours"]:
        raise wrong_field("resolution_hours", "must be at least response_hours.")


def policy_for(shop: Shop, order: Values) -> Values | None:
    """Return the policy that an order is held to."""
    active = shop.where("sla_policy", is_active=True)
    special = [row for row in active if row["applies_to"] == order["priority"]]
    general = [row for row in active if not row["applies_to"]]
    return next(iter(special or general), None)


def run_check(shop: Shop, _: Values | None = None) -> object:
    """Note what was missed since the last look, and tell those who run the garage."""
    own = setting(shop)
    new = sum(_check(shop, order, own) for order in _running(shop))
    return {"message": f"{new} new breaches found.", "new_breaches": new}


def _running(shop: Shop) -> list[Values]:
    table = shop.tables["work_order"]
    running = shop.select("work_order").where(
        table.c.status.in_(("new", "diagnosing", "in_repair", "waiting_parts"))
    )
    return shop.rows(running.order_by(table.c.id).limit(_MOST_ORDERS))


def _check(shop: Shop, order: Values, own: Values) -> int:
    policy = policy_for(shop, order)
    if policy is None:
        return 0
    return sum(
        _note(shop, order, policy, kind, deadline)
        for kind, deadline in deadlines(order, policy, own).items()
        if deadline < shop.now
    )


def deadlines(order: Values, policy: Values, own: Values) -> dict[str, datetime]:
    """Return the deadlines of the clocks that still run; ``own`` are the garage's settings."""

    def after(hours: int, paused: int = 0) -> datetime:
        counted = timedelta(hours=hours, seconds=paused)
        opening, free = own["opening_hours"] or {}, own["closed_on_holidays"]
        return due(order["created_at"], counted, opening, holidays=free)

    running: dict[str, datetime] = {}
    if order["responded_at"] is None and order["status"] == "new":
        running["response"] = after(policy["response_hours"])
    if order["completed_at"] is None and order["status"] != "waiting_parts":
        running["resolution"] = after(policy["resolution_hours"], order["paused_seconds"] or 0)
    return running


def _note(shop: Shop, order: Values, policy: Values, kind: str, deadline: datetime) -> int:
    key = {"work_order_id": order["id"], "kind": kind}
    if shop.find("sla_breach", **key) is not None:
        return 0
    shop.insert("sla_breach", key | {"policy_id": policy["id"], "breached_at": deadline})
    title = f"Service level missed: {order['ticket_no']}"
    text = f"The {kind} was due by {deadline:%d-%m-%Y %H:%M} UTC ({policy['name']})."
    notify_admins(shop, "sla_breached", title, text, f"/work-orders/{order['id']}")
    announce(shop, "sla_breached", order["id"])
    return 1


def stop_clocks(shop: Shop, order_id: int, *, responded: bool, done: bool) -> None:
    """Note when a missed clock stopped at last."""
    stopped = {"response": responded, "resolution": done}
    for row in shop.where("sla_breach", work_order_id=order_id):
        if stopped[row["kind"]] and row["ended_at"] is None:
            shop.change("sla_breach", row["id"], {"ended_at": shop.now})
