"""Warranty: a claim on a completed order, made good by a new one at no charge."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from html import escape

from gateway.backoffice.refusal import broken_rule, wrong_field
from gateway.backoffice.rules import documents, work_orders
from gateway.backoffice.rules.outgoing import queue_mail
from gateway.backoffice.shop import Shop, Values

#: A garage without policies still has to give the law's half year.
STANDARD_DAYS = 180


def claim(shop: Shop, values: Values) -> int:
    """File a claim.

    Raises:
        Invalid: the order is not completed, out of its term, or has a claim that waits.
    """
    order = shop.find("work_order", id=values["work_order_id"])
    if order is None:
        raise wrong_field("work_order_id", "is invalid.")
    if order["completed_at"] is None or order["status"] not in {"completed", "picked_up"}:
        raise broken_rule("The order is not completed: there is nothing to claim on.")
    claimed_at = values.get("claimed_at") or shop.today
    days = _term(shop, order)
    last = order["completed_at"].date() + timedelta(days=days)
    if claimed_at > last:
        raise broken_rule(f"The warranty of {days} days ended on {last}.")
    if shop.find("warranty_claim", work_order_id=order["id"], status="pending") is not None:
        raise broken_rule("A claim on this order waits for a decision already.")
    term = {"claimed_at": claimed_at, "duration_days": days}
    return shop.insert("warranty_claim", values | term)


def _term(shop: Shop, order: Values) -> int:
    rows = shop.where("warranty_policy")
    named = {order["device_brand"], order["priority"]} - {None}
    special = [row for row in rows if row["applies_to"] in named]
    general = [row for row in rows if not row["applies_to"]]
    return max((row["duration_days"] for row in special or general), default=STANDARD_DAYS)


def change(shop: Shop, row: Values, values: Values) -> None:
    """Change a claim while it waits; raises ``Invalid`` afterwards."""
    _check_pending(row)
    if values:
        shop.change("warranty_claim", row["id"], values)


def approve(shop: Shop, row: Values, _: Values) -> object:
    """Open an order with the same customer, device and lines, at no charge."""
    _check_pending(row)
    original = shop.get("work_order", row["work_order_id"])
    same = ("customer_id", "device_id", "device_brand", "device_model", "branch_id")
    order = {name: original[name] for name in same}
    order["problem_description"] = f"Warranty on {original['ticket_no']}: {row['description']}"
    order_id = work_orders.open_order(shop, order | {"warranty_claim_id": row["id"]})
    lines = documents.lines_of(shop, "work_order", original["id"])
    free = [line | {"unit_price": Decimal(0)} for line in lines]
    documents.put_lines(shop, "work_order", order_id, free)
    decided = {"status": "approved", "warranty_work_order_id": order_id}
    shop.change("warranty_claim", row["id"], decided)
    message = f"Claim approved. Work order {order_id} opened."
    return {"message": message, "warranty_work_order_id": order_id}


def reject(shop: Shop, row: Values, values: Values) -> object:
    """Refuse a claim and tell the customer why."""
    _check_pending(row)
    decided = {"status": "rejected", "rejection_reason": values["reason"]}
    shop.change("warranty_claim", row["id"], decided)
    order = shop.get("work_order", row["work_order_id"])
    customer = shop.find("customer", id=order["customer_id"])
    if customer is not None and customer["email"]:
        text = f"<p>Your warranty claim was declined: {escape(values['reason'])}</p>"
        queue_mail(shop, customer["email"], f"Your claim on {order['ticket_no']}", text)
    return {"message": "Claim rejected.", "status": "rejected"}


def _check_pending(row: Values) -> None:
    if row["status"] != "pending":
        raise broken_rule(f"The claim is {row['status']}: it was decided already.")
