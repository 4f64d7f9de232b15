"""Credit notes: less owed on an invoice, never more than was on it."""

from __future__ import annotations

from decimal import Decimal

from gateway.backoffice.refusal import broken_rule, wrong_field
from gateway.backoffice.rules import documents, ledger
from gateway.backoffice.rules.invoices import settle
from gateway.backoffice.rules.numbering import next_number
from gateway.backoffice.shop import Shop, Values
from gateway.domain.money import ZERO

#: There is something to credit.
_CREDITABLE = frozenset({"sent", "overdue", "paid"})


def create(shop: Shop, values: Values) -> int:
    """Store a credit note under the next number, and book the reverse of a sale.

    Raises:
        Invalid: the invoice was not sent, or less is left to credit.
    """
    lines = values.pop("lines")
    invoice = shop.lock("invoice", values["invoice_id"])
    if invoice["status"] not in _CREDITABLE:
        raise broken_rule(f"An invoice that is {invoice['status']} cannot be credited.")
    number = next_number(shop, "CN", shop.now)
    note_id = shop.insert("credit_note", values | {"credit_note_number": number})
    _put_lines(shop, note_id, invoice, lines)
    return note_id


def change(shop: Shop, row: Values, values: Values) -> None:
    """Change reason or lines while it is not applied; raises ``Invalid`` afterwards."""
    _check_open(row)
    lines = values.pop("lines", None)
    if values:
        shop.change("credit_note", row["id"], values)
    if lines is not None:
        _book(shop, row["id"], back=True)
        _put_lines(shop, row["id"], shop.lock("invoice", row["invoice_id"]), lines)


def remove(shop: Shop, row: Values) -> None:
    """Void a note that is not applied: its number stays used, its booking is reversed."""
    _check_open(row)
    _book(shop, row["id"], back=True)
    shop.change("credit_note", row["id"], {"status": "void"})
    shop.remove("credit_note", row["id"])


def apply(shop: Shop, row: Values, _: Values) -> object:
    """Let a note lower what is outstanding on its invoice, and say what is left."""
    _check_open(row)
    invoice = shop.lock("invoice", row["invoice_id"])
    credited = invoice["amount_credited"] + row["total_incl"]
    shop.change("invoice", invoice["id"], {"amount_credited": credited})
    shop.change("credit_note", row["id"], {"status": "applied", "applied_at": shop.now})
    left = settle(shop, invoice["id"])
    over = invoice["amount_paid"] + credited - invoice["total_incl"]
    refund = f" {over} is to be paid back." if over > 0 else ""
    number = row["credit_note_number"]
    return {"message": f"Credit note {number} applied.{refund}", "invoice_remaining": left}


def _put_lines(shop: Shop, note_id: int, invoice: Values, lines: list[Values]) -> None:
    rates = {line["vat_rate"] for line in documents.lines_of(shop, "invoice", invoice["id"])}
    for index, line in enumerate(lines):
        if line["vat_rate"] not in rates:
            raise wrong_field(f"lines.{index}.vat_pct", "is not a rate of the invoice.")
    documents.put_lines(shop, "credit_note", note_id, lines)
    sums = documents.sums(documents.lines_of(shop, "credit_note", note_id))
    totals = {"total_excl": sums.excluding, "total_incl": sums.including}
    shop.change("credit_note", note_id, totals)
    if _credited(shop, invoice["id"]) > invoice["total_incl"]:
        left = invoice["total_incl"] - _credited(shop, invoice["id"]) + sums.including
        raise broken_rule(f"Only {left} of the invoice is left to credit.")
    _book(shop, note_id)


def _credited(shop: Shop, invoice_id: int) -> Decimal:
    rows = shop.where("credit_note", invoice_id=invoice_id)
    return sum((row["total_incl"] for row in rows), ZERO)


def _book(shop: Shop, note_id: int, *, back: bool = False) -> None:
    lines = documents.lines_of(shop, "credit_note", note_id)
    bookings = ledger.sale(documents.sums(lines))
    # A sale booked the other way round; backwards again when the note is taken back.
    turned = bookings if back else [ledger.reversed_booking(one) for one in bookings]
    note = shop.get("credit_note", note_id)
    text = f"Credit note {note['credit_note_number']}" + (" taken back" if back else "")
    customer_id = shop.get("invoice", note["invoice_id"])["customer_id"]
    ledger.post_document(shop, shop.today, text, turned, ("credit_note", note_id), customer_id)


def _check_open(row: Values) -> None:
    if row["status"] != "open":
        raise broken_rule(f"The credit note is {row['status']}: it cannot change any more.")
