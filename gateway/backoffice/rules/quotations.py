"""Quotations: offered, accepted into an invoice or an order, rejected or expired."""

from __future__ import annotations

from datetime import timedelta

from gateway.backoffice.refusal import broken_rule, wrong_field
from gateway.backoffice.rules import documents, invoices, work_orders
from gateway.backoffice.rules.announcing import announce
from gateway.backoffice.rules.numbering import next_number
from gateway.backoffice.shop import PORTION, Shop, Values

#: How long an offer stands when nothing else is said.
VALIDITY = timedelta(days=30)


def create(shop: Shop, values: Values) -> int:
    """Store a draft under the next number."""
    lines = values.pop("lines")
    values["valid_until"] = values.get("valid_until") or shop.today + VALIDITY
    _check_validity(shop, values)
    number = next_number(shop, "QU", shop.now)
    quotation_id = shop.insert("quotation", values | {"quotation_number": number})
    documents.put_lines(shop, "quotation", quotation_id, lines)
    return quotation_id


def change(shop: Shop, row: Values, values: Values) -> None:
    """Change a draft, or the notes of what was sent; raises ``Invalid`` otherwise."""
    allowed = {"draft": None, "sent": {"notes"}}.get(row["status"], set())
    if allowed is not None and not set(values) <= allowed:
        what = "notes can change" if allowed else "nothing can change"
        raise broken_rule(f"The quotation is {row['status']}: {what}.")
    _check_validity(shop, values)
    lines = values.pop("lines", None)
    if values:
        shop.change("quotation", row["id"], values)
    if lines is not None:
        documents.put_lines(shop, "quotation", row["id"], lines)


def remove(shop: Shop, row: Values) -> None:
    """Remove a draft; raises ``Invalid`` for others."""
    if row["status"] != "draft":
        raise broken_rule(f"The quotation is {row['status']}: only drafts can be removed.")
    for line in documents.lines_of(shop, "quotation", row["id"]):
        shop.remove("quotation_line", line["id"])
    shop.remove("quotation", row["id"])


def to_send(shop: Shop, quotation_id: int) -> tuple[Values, str]:
    """Return a quotation that may be sent, and to whom.

    Raises:
        Invalid: it is settled, or the customer has no email address.
    """
    row = shop.get("quotation", quotation_id)
    if row["status"] not in {"draft", "sent"}:
        raise broken_rule(f"The quotation is {row['status']}: it cannot be sent.")
    customer = shop.find_ever("customer", id=row["customer_id"])
    if customer is None or not customer["email"]:
        raise broken_rule("The customer has no email address. Enter one first.")
    return row, str(customer["email"])


def mark_sent(shop: Shop, quotation_id: int) -> None:
    """Note that the mail was handed over."""
    shop.change("quotation", quotation_id, {"status": "sent", "sent_at": shop.now})


def to_invoice(shop: Shop, row: Values, _: Values) -> object:
    """Copy the lines into a draft invoice, and count the offer as accepted. Once.

    Raises:
        Invalid: it was converted, is not on offer, or is past its date.
    """
    if row["invoice_id"] is not None:
        raise broken_rule(f"The quotation became invoice {row['invoice_id']} already.")
    if row["status"] not in {"sent", "accepted"}:
        raise broken_rule(f"The quotation is {row['status']}: send it first.")
    if row["valid_until"] is not None and row["valid_until"] < shop.today:
        raise broken_rule(f"The quotation was valid until {row['valid_until']}.")
    head = {"customer_id": row["customer_id"], "work_order_id": row["work_order_id"]}
    lines = documents.lines_of(shop, "quotation", row["id"])
    draft = head | {"invoice_date": shop.today, "lines": lines}
    invoice_id = invoices.create(shop, draft)
    shop.change("quotation", row["id"], {"status": "accepted", "invoice_id": invoice_id})
    announce(shop, "quotation_accepted", row["id"])
    return {"invoice_id": invoice_id, "message": f"Invoice {invoice_id} made."}


def to_work_order(shop: Shop, row: Values, _: Values) -> object:
    """Open a work order with the customer and the lines. Once.

    Raises:
        Invalid: it belongs to an order already, or is rejected or expired.
    """
    if row["work_order_id"] is not None:
        raise broken_rule(f"The quotation belongs to work order {row['work_order_id']} already.")
    if row["status"] in {"rejected", "expired"}:
        raise broken_rule(f"The quotation is {row['status']}.")
    number = row["quotation_number"]
    order = {"customer_id": row["customer_id"], "problem_description": f"Quotation {number}"}
    order_id = work_orders.open_order(shop, order)
    lines = documents.lines_of(shop, "quotation", row["id"])
    documents.put_lines(shop, "work_order", order_id, lines)
    shop.change("quotation", row["id"], {"work_order_id": order_id})
    return {"work_order_id": order_id, "message": f"Work order {order_id} opened."}


def reject(shop: Shop, row: Values, values: Values) -> None:
    """Note that the customer declined; raises ``Invalid`` unless it was sent."""
    if row["status"] != "sent":
        raise broken_rule(f"The quotation is {row['status']}: only sent ones can be rejected.")
    reason = values.get("reason")
    shop.change("quotation", row["id"], {"status": "rejected", "rejection_reason": reason})


def expire(shop: Shop) -> int:
    """Mark a portion of the sent quotations whose date has passed; return how many."""
    table = shop.tables["quotation"]
    past = shop.rows(
        shop.select("quotation")
        .where(table.c.status == "sent", table.c.valid_until < shop.today)
        .limit(PORTION)
    )
    for row in past:
        shop.change("quotation", row["id"], {"status": "expired"})
    return len(past)


def _check_validity(shop: Shop, values: Values) -> None:
    until = values.get("valid_until")
    if until is not None and until < shop.today:
        raise wrong_field("valid_until", "must not be in the past.")
