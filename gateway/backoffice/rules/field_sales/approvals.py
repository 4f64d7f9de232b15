"""Approvals: so many of the people on a list have to agree; one who refuses ends it."""

from __future__ import annotations

from gateway.backoffice.refusal import broken_rule, wrong_field
from gateway.backoffice.shop import Shop, Values

#: What an approval says for good.
#: Closed in one transaction.
_PORTION = 200

_ENTITIES = {"workorder": "field_order", "workorder-request": "field_request", "refund": "refund"}


def create_request(shop: Shop, values: Values) -> int:
    """Ask for approval; raises ``Unprocessable`` when more are needed than are asked."""
    asked = values.get("approvers") or []
    values["required_approvals"] = needed = values.get("required_approvals") or 1
    if needed < 1 or (asked and needed > len(asked)):
        raise wrong_field("requiredApprovals", "must be between 1 and the number of approvers.")
    return shop.insert("approval_request", values | {"current_approvals": 0, "status": "pending"})


def change_request(shop: Shop, row: Values, values: Values) -> None:
    """Change a request that is still open; nobody decides it by writing its status."""
    if row["status"] != "pending" and values.get("status", row["status"]) != row["status"]:
        raise broken_rule(f"This request is {row['status']}. Make another one.")
    if values.get("status") in {"approved", "rejected"} and row["status"] == "pending":
        raise broken_rule("Approvers decide, by approvals of their own.")
    if values.get("status") not in {None, "pending", "expired", row["status"]}:
        raise wrong_field("status", "must be one of: pending, approved, rejected, expired.")
    shop.change("approval_request", row["id"], values)


def expire(shop: Shop) -> int:
    """Close open requests whose day is over, some at a time; return how many."""
    table = shop.tables["approval_request"]
    late = (table.c.status == "pending", table.c.due_date < shop.now)
    rows = shop.rows(shop.select("approval_request").where(*late).limit(_PORTION))
    for row in rows:
        shop.change("approval_request", row["id"], {"status": "expired"})
    return len(rows)


def decide(shop: Shop, values: Values) -> int:
    """Store what an approver says, and decide the request when that is enough.

    Raises:
        Invalid: it is decided or past its day, or the approver is not on the list or was heard.
    """
    request_id, decision = values.get("approval_request"), values.get("decision")
    approval_id = shop.insert(
        "approval", values | {"signed_at": values.get("signed_at") or shop.now}
    )
    if request_id is None or decision is None:
        return approval_id
    request = shop.lock("approval_request", request_id)
    _check(shop, request, values, approval_id)
    given = request["current_approvals"] + (decision == "approved")
    status = "pending"
    if decision == "rejected":
        status = "rejected"
    elif given >= request["required_approvals"]:
        status = "approved"
    shop.change("approval_request", request_id, {"current_approvals": given, "status": status})
    if status != "pending":
        _carry_out(shop, request, status)
    return approval_id


def change_decision(shop: Shop, row: Values, values: Values) -> None:
    """Change a comment; what was decided stays decided."""
    if row["decision"] is not None and values.get("decision", row["decision"]) != row["decision"]:
        raise broken_rule("This was decided. A decision is not taken back.")
    if row["decision"] is None and values.get("decision"):
        raise broken_rule("Decide with an approval of its own.")
    shop.change("approval", row["id"], values)


def _check(shop: Shop, request: Values, values: Values, approval_id: int) -> None:
    if request["status"] == "pending" and request["due_date"] and request["due_date"] < shop.now:
        raise broken_rule("This request has expired.")
    if request["status"] != "pending":
        raise broken_rule(f"This request is {request['status']} already.")
    asked = request["approvers"]
    if asked and values.get("approver") not in asked:
        raise wrong_field("approver", "is not among those who were asked.")
    heard = shop.where("approval", approval_request=request["id"], approver=values.get("approver"))
    if any(one["id"] != approval_id and one["decision"] for one in heard):
        raise broken_rule("This approver was heard already.")


def _carry_out(shop: Shop, request: Values, status: str) -> None:
    """Let the decision reach the thing it is about, where it has a status of that name."""
    noun = _ENTITIES.get(request["entity"] or "")
    try:
        identifier = int(request["entity_id"] or "", 16)
    except ValueError:
        return
    row = shop.find(noun, id=identifier) if noun else None
    if noun == "refund" and row is not None and row["status"] == "pending":
        shop.change(noun, identifier, {"status": status})
    elif noun == "field_request" and row is not None:
        change_work_request(shop, row, {"status": status})
    elif noun == "field_order" and row is not None:
        shop.change(noun, identifier, {"status": status})


def change_work_request(shop: Shop, row: Values, values: Values) -> None:
    """Change a request for work; approving it makes the work order, once."""
    shop.change("field_request", row["id"], values)
    if values.get("status") == "approved" and row["status"] != "approved":
        asked = row | values
        order = {
            name: asked[name]
            for name in ("title", "description", "priority", "client", "asset", "category")
        }
        shop.insert("field_order", order | {"status": "open"})
