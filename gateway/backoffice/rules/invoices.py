"""Invoices: drafts are free to change, what was sent is not.

Sending gives the number, freezes what is on the paper, books it and queues the mail, all in one
transaction. What is outstanding is the total less payments and applied credit notes.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from html import escape

from gateway.backoffice.refusal import broken_rule, wrong_field
from gateway.backoffice.rules import documents, ledger
from gateway.backoffice.rules.announcing import announce
from gateway.backoffice.rules.customers import address_line, full_name
from gateway.backoffice.rules.notices import notify_admins
from gateway.backoffice.rules.numbering import next_number
from gateway.backoffice.rules.outgoing import queue_mail
from gateway.backoffice.shop import PORTION, Shop, Values
from gateway.domain.money import ZERO

#: Days a customer has when nothing else is said.
PAYMENT_TERM = timedelta(days=30)

#: It is owed.
OWED = frozenset({"sent", "overdue"})


def outstanding(invoice: Values) -> Decimal:
    """Return what is still to be paid; nothing for drafts and cancelled ones."""
    if invoice["status"] not in {*OWED, "paid"}:
        return ZERO
    paid, credited = invoice["amount_paid"], invoice["amount_credited"]
    return max(Decimal(invoice["total_incl"] - paid - credited), ZERO)


def create(shop: Shop, values: Values) -> int:
    """Store a draft; without lines it gets those of its work order.

    Raises:
        Invalid: neither lines nor an order with lines; dates out of order or in a filed quarter.
    """
    lines = values.pop("lines", None)
    order_id = values.get("work_order_id")
    if not lines and order_id is not None:
        lines = documents.lines_of(shop, "work_order", order_id)
    if not lines:
        raise wrong_field("lines", "is required, or work_order_id of an order with lines.")
    values.setdefault("due_date", None)
    values["due_date"] = values["due_date"] or values["invoice_date"] + PAYMENT_TERM
    _check_dates(shop, values)
    invoice_id = shop.insert("invoice", values)
    put_lines(shop, invoice_id, lines)
    return invoice_id


def change(shop: Shop, row: Values, values: Values) -> None:
    """Change a draft; raises ``Invalid`` for what was sent."""
    _check_draft(row, "changed. Correct it with a credit note")
    lines = values.pop("lines", None)
    _check_dates(shop, row | values)
    if values:
        shop.change("invoice", row["id"], values)
    if lines is not None:
        put_lines(shop, row["id"], lines)


def remove(shop: Shop, row: Values) -> None:
    """Remove a draft; raises ``Invalid`` for what has a number."""
    _check_draft(row, "removed")
    for line in documents.lines_of(shop, "invoice", row["id"]):
        shop.remove("invoice_line", line["id"])
    for quotation in shop.where("quotation", invoice_id=row["id"]):
        shop.change("quotation", quotation["id"], {"invoice_id": None})
    shop.remove("invoice", row["id"])


def put_lines(shop: Shop, invoice_id: int, lines: list[Values]) -> None:
    """Give an invoice its lines, and the totals that follow from them."""
    documents.put_lines(shop, "invoice", invoice_id, lines)
    sums = documents.sums(documents.lines_of(shop, "invoice", invoice_id))
    totals = {"total_excl": sums.excluding, "total_incl": sums.including}
    shop.change("invoice", invoice_id, totals)


def send(shop: Shop, row: Values, values: Values) -> None:
    """Number, freeze, book and mail an invoice.

    Raises:
        Invalid: it is no draft, has no lines, or nobody to send it to.
    """
    _check_draft(row, "sent again")
    lines = documents.lines_of(shop, "invoice", row["id"])
    if not lines:
        raise broken_rule("The invoice has no lines. Add some first.")
    customer = shop.find_ever("customer", id=row["customer_id"])
    recipient = values.get("to") or _address_of(customer)
    if not recipient:
        raise wrong_field("to", "is required: the customer has no email address.")
    number = next_number(shop, "INV", row["invoice_date"])
    billed = snapshot(shop, row["customer_id"])
    frozen = {"invoice_number": number, "status": "sent", "sent_at": shop.now, "billed_to": billed}
    shop.change("invoice", row["id"], frozen)
    sums = documents.sums(lines)
    bookings = ledger.sale(sums)
    text = f"Invoice {number}"
    source = ("invoice", row["id"])
    ledger.post_document(shop, row["invoice_date"], text, bookings, source, row["customer_id"])
    garage = garage_name(shop)
    body = (
        f"<p>Dear {escape(billed['name'])},</p><p>Please find our invoice {number} attached.</p>"
    )
    queue_paper(shop, recipient, f"Invoice {number} of {garage}", body, ("invoice", row["id"]))
    if not sums.including:
        settle(shop, row["id"])


def queue_paper(
    shop: Shop, recipient: str, subject: str, body: str, paper: tuple[str, int]
) -> None:
    """Promise a letter with a document: it is printed when the letter goes out."""
    letter_id = queue_mail(shop, recipient, subject, body)
    shop.change("outgoing_mail", letter_id, {"attachment_name": f"{paper[0]}:{paper[1]}"})


def pay(shop: Shop, row: Values, values: Values) -> None:
    """Book a payment; what is settled becomes paid.

    Raises:
        Invalid: nothing is owed, or less than this.
    """
    amount, method = values["amount"], values.get("method") or "bank"
    if row["status"] not in OWED:
        raise broken_rule(f"Nothing is owed on an invoice that is {row['status']}.")
    left = outstanding(row)
    if amount > left:
        raise wrong_field("amount", f"must not be more than the {left} outstanding.")
    payment = {"invoice_id": row["id"], "amount": amount, "paid_on": values["paid_on"]}
    reference = values.get("reference")
    payment_id = shop.insert("payment", payment | {"method": method, "reference": reference})
    shop.change("invoice", row["id"], {"amount_paid": row["amount_paid"] + amount})
    account = ledger.CASH if method == "cash" else ledger.BANK
    bookings = [ledger.debit(account, amount), ledger.credit(ledger.DEBTORS, amount)]
    day = ledger.open_day(shop, values["paid_on"])
    text = f"Payment of invoice {row['invoice_number']}"
    source = ("payment", payment_id)
    ledger.post_document(shop, day, text, bookings, source, row["customer_id"])
    settle(shop, row["id"])


def settle(shop: Shop, invoice_id: int) -> Decimal:
    """Mark an invoice as paid once nothing is outstanding; return what is."""
    row = shop.get("invoice", invoice_id)
    left = outstanding(row)
    if not left and row["status"] in OWED:
        shop.change("invoice", invoice_id, {"status": "paid", "paid_at": shop.now})
        title = f"Invoice {row['invoice_number']} is paid"
        notify_admins(shop, "invoice_paid", title, title, f"/invoices/{invoice_id}")
    return left


def cancel(shop: Shop, row: Values, _: Values) -> None:
    """Cancel a draft, or what was credited in full.

    Raises:
        Invalid: it is paid or cancelled, or still owed in part.
    """
    if row["status"] in {"paid", "cancelled"}:
        raise broken_rule(f"An invoice that is {row['status']} cannot be cancelled.")
    if row["status"] in OWED and row["amount_credited"] < row["total_incl"]:
        raise broken_rule("The invoice was sent. Credit it in full with a credit note first.")
    shop.change("invoice", row["id"], {"status": "cancelled"})


def mark_overdue(shop: Shop) -> int:
    """Mark a portion of what should have been paid by now; return how many."""
    table = shop.tables["invoice"]
    late = shop.rows(
        shop.select("invoice")
        .where(table.c.status == "sent", table.c.due_date < shop.today)
        .limit(PORTION)
    )
    for row in late:
        shop.change("invoice", row["id"], {"status": "overdue"})
        title = f"Invoice {row['invoice_number']} is overdue"
        text = f"{outstanding(row)} was due on {row['due_date']}."
        notify_admins(shop, "invoice_overdue", title, text, f"/invoices/{row['id']}")
        announce(shop, "invoice_overdue", row["id"])
    return len(late)


def snapshot(shop: Shop, customer_id: int) -> Values:
    """Return a customer as a document keeps them: name, address, VAT number."""
    person = shop.find_ever("customer", id=customer_id) or {}
    address = shop.find("address", customer_id=customer_id, type="invoice")
    place = address and f"{address['zipcode']} {address['city']}".strip()
    return {
        "name": full_name(person) if person else "",
        "address": address_line(address) if address else "",
        "place": place or "",
        "vat_number": person.get("vat_number") or "",
    }


def garage_name(shop: Shop) -> str:
    """Return how the garage is called on paper."""
    branch = next(iter(shop.where("branch", active=True)), None)
    return str(branch["name"]) if branch else "our workshop"


def _address_of(customer: Values | None) -> str | None:
    if customer is None:
        return None
    return customer["email_invoice"] or customer["email"] or None


def _check_draft(row: Values, what: str) -> None:
    if row["status"] != "draft":
        raise broken_rule(f"The invoice is {row['status']}: only drafts can be {what}.")


def _check_dates(shop: Shop, values: Values) -> None:
    due = values.get("due_date")
    if due is not None and due < values["invoice_date"]:
        raise wrong_field("due_date", "must not be before the invoice date.")
    ledger.check_open(shop, values["invoice_date"])
