"""From stored documents to papers: what is gathered in a transaction, printed outside of it."""

from __future__ import annotations

from textwrap import wrap
from typing import TypedDict

from gateway.backoffice.moments import business_day
from gateway.backoffice.rules import documents
from gateway.backoffice.rules.customers import full_name
from gateway.backoffice.rules.garage import setting
from gateway.backoffice.rules.invoices import garage_name, snapshot
from gateway.backoffice.rules.papers import Paper, day, money
from gateway.backoffice.shop import Shop, Values


def invoice_paper(shop: Shop, invoice_id: int) -> tuple[Values, Paper]:
    """Return an invoice and what its paper says; drafts carry a watermark."""
    row = shop.get("invoice", invoice_id)
    lines = documents.lines_of(shop, "invoice", invoice_id)
    number = row["invoice_number"]
    facts = (
        ("Date", day(row["invoice_date"])),
        ("Due", day(row["due_date"]) if row["due_date"] else ""),
        ("Delivered", _delivered(shop, row["work_order_id"])),
        ("Work order", _order(shop, row["work_order_id"])),
    )
    totals = documents.sums(lines)
    zero = any(not rate for rate in totals.vat_by_rate)
    return row, Paper(
        title=f"Invoice {number}" if number else "Draft invoice",
        **_writer(shop),
        addressee=_addressee(row["billed_to"] or snapshot(shop, row["customer_id"])),
        facts=facts,
        lines=tuple(lines),
        totals=totals,
        notes="VAT at 0 %: exempt, or reverse-charged to the customer." if zero else "",
        watermark="DRAFT" if row["status"] == "draft" else "",
    )


def credit_note_paper(shop: Shop, note_id: int) -> Paper:
    """Return what a credit note says: the lines are what is taken back, and the sums negative."""
    row = shop.get("credit_note", note_id)
    invoice = shop.get("invoice", row["invoice_id"])
    lines = [
        line | {"quantity": -line["quantity"]}
        for line in documents.lines_of(shop, "credit_note", note_id)
    ]
    return Paper(
        title=f"Credit note {row['credit_note_number']}",
        **_writer(shop),
        addressee=_addressee(invoice["billed_to"] or snapshot(shop, invoice["customer_id"])),
        facts=(
            ("Date", day(business_day(row["created_at"]))),
            ("Of invoice", f"{invoice['invoice_number']}, {day(invoice['invoice_date'])}"),
            ("Reason", row["reason"]),
        ),
        lines=tuple(lines),
        totals=documents.sums(lines),
    )


def quotation_paper(shop: Shop, quotation_id: int) -> Paper:
    """Return what the paper of a quotation says."""
    row = shop.get("quotation", quotation_id)
    lines = documents.lines_of(shop, "quotation", quotation_id)
    until = row["valid_until"]
    return Paper(
        title=f"Quotation {row['quotation_number']}",
        **_writer(shop),
        addressee=_addressee(snapshot(shop, row["customer_id"])),
        facts=(("Date", day(shop.today)), ("Valid until", day(until) if until else "")),
        lines=tuple(lines),
        totals=documents.sums(lines),
        notes=row["notes"] or "",
    )


def contract_paper(shop: Shop, agreement_id: int) -> Paper:
    """Return what the contract of a price agreement says."""
    row = shop.get("price_agreement", agreement_id)
    customer = shop.find_ever("customer", id=row["customer_id"])
    product = shop.find_ever("product", id=row["service_id"])
    until = row["valid_until"]
    signed = row["signed_at"]
    return Paper(
        title=f"Price agreement {agreement_id}",
        **_writer(shop),
        addressee=_addressee(snapshot(shop, row["customer_id"])),
        facts=(
            ("Customer", full_name(customer) if customer else ""),
            ("Service", product["name"] if product else ""),
            ("Agreed price, net of VAT", money(row["agreed_price"])),
            ("From", day(row["valid_from"])),
            ("Until", day(until) if until else "further notice"),
            ("Signed", day(signed.date()) if signed else "not yet"),
        ),
        notes=row["notes"] or "",
        signature=row["signature"] or b"",
    )


class _Writer(TypedDict):
    """What papers say of the garage; at the foot what an invoice must bear, and where to pay."""

    garage: str
    letterhead: tuple[str, ...]
    foot: str


def _writer(shop: Shop) -> _Writer:
    own = setting(shop)
    numbers = (
        ("VAT", own["vat_number"]),
        ("KvK", own["kvk_number"]),
        ("IBAN", " ".join(wrap(own["iban"], 4))),
    )
    return {
        "garage": own["legal_name"] or garage_name(shop),
        "letterhead": (own["address"], own["place"], own["phone"], own["email"]),
        "foot": "   ".join(f"{label} {number}" for label, number in numbers if number),
    }


def _delivered(shop: Shop, order_id: int | None) -> str:
    """Return the day on which the work was finished: an invoice names it."""
    order = order_id and shop.find_ever("work_order", id=order_id)
    return day(business_day(order["completed_at"])) if order and order["completed_at"] else ""


def _addressee(billed: Values) -> tuple[str, ...]:
    vat_number = billed["vat_number"]
    return (
        billed["name"],
        billed["address"],
        billed["place"],
        f"VAT number {vat_number}" if vat_number else "",
    )


def _order(shop: Shop, order_id: int | None) -> str:
    order = order_id and shop.find_ever("work_order", id=order_id)
    return str(order["ticket_no"]) if order else ""
