"""Quotations and credit notes (contracts/repair.yaml, Quotations, Credit Notes)."""

from __future__ import annotations

from html import escape

import trio

from gateway.backoffice.action import Action, Call, verb
from gateway.backoffice.catalogue.repair.shapes import (
    AMOUNT,
    CUSTOMER_REF,
    OPEN,
    TEXT,
    WHOLE,
    line_shape,
    members,
)
from gateway.backoffice.kinds import Text
from gateway.backoffice.nouns.paperwork import (
    CREDIT_NOTE,
    CREDIT_NOTE_LINE,
    QUOTATION,
    QUOTATION_LINE,
)
from gateway.backoffice.profiles.repair import PAGED, REPAIR
from gateway.backoffice.records import File
from gateway.backoffice.resource import (
    Computed,
    Field,
    Filter,
    Input,
    Nested,
    Resource,
    Row,
    Shape,
    Write,
    to_many,
    to_one,
)
from gateway.backoffice.rules import (
    credit_notes,
    documents,
    outgoing,
    press,
    printing,
    quotations,
)
from gateway.backoffice.rules.money import Totals

_LINES = documents.line_input("vat_pct")


def _sums(row: Row) -> Totals:
    return documents.sums(line.values for line in row.related["lines"])


QUOTATIONS = Resource(
    name="quotation",
    profile=PAGED,
    path="/v1/quotations",
    shape=Shape(
        "Quotation",
        QUOTATION,
        (
            Field("id"),
            Field("quotation_number", write=Write.NEVER),
            Field("status", write=Write.NEVER),
            Nested("customer", "customer", CUSTOMER_REF, many=False),
            Field("work_order_id"),
            Field("valid_until"),
            Nested("lines", "lines", line_shape("QuotationLine", QUOTATION_LINE, "vat_pct")),
            Field("notes"),
            Computed("total_excl", AMOUNT, lambda row: _sums(row).excluding),
            Computed("total_vat", AMOUNT, lambda row: _sums(row).vat),
            Computed("total_incl", AMOUNT, lambda row: _sums(row).including),
            Field("sent_at", write=Write.NEVER),
            Field("invoice_id", write=Write.NEVER),
            Field("created_at"),
        ),
        (to_one("customer", "customer"), to_many("lines", "quotation_line", "quotation_id")),
    ),
    ability="quotations",
    filters=(Filter("status"),),
    inputs=(Field("customer_id", required=True), Input("lines", _LINES, required=True)),
    create=quotations.create,
    change=quotations.change,
    remove=quotations.remove,
)


def _credited(row: Row) -> object:
    invoice = row.one("invoice")
    if invoice is None:
        return {}
    return {name: invoice.values[name] for name in ("id", "invoice_number", "total_incl")}


CREDIT_NOTES = Resource(
    name="credit_note",
    profile=PAGED,
    path="/v1/credit-notes",
    shape=Shape(
        "CreditNote",
        CREDIT_NOTE,
        (
            Field("id"),
            Field("credit_note_number", write=Write.NEVER),
            Computed("total", AMOUNT, lambda row: -row.values["total_incl"]),
            Field("status", write=Write.NEVER),
            Computed("invoice", OPEN, _credited),
            Field("reason", required=True),
            Nested("lines", "lines", line_shape("CreditNoteLine", CREDIT_NOTE_LINE, "vat_pct")),
            Field("applied_at", write=Write.NEVER),
            Field("created_at"),
        ),
        (to_one("invoice", "invoice"), to_many("lines", "credit_note_line", "credit_note_id")),
    ),
    ability="credit-notes",
    filters=(Filter("status"), Filter("invoice_id")),
    inputs=(
        Field("invoice_id", required=True, write=Write.CREATE),
        Input("lines", _LINES, required=True),
    ),
    create=credit_notes.create,
    change=credit_notes.change,
    remove=credit_notes.remove,
)

RESOURCES = (QUOTATIONS, CREDIT_NOTES)


async def _send(call: Call) -> object:
    """Print and mail a quotation; it counts as sent once the server has the letter."""
    quotation_id = call.id()
    row, recipient = await call.read(lambda shop: quotations.to_send(shop, quotation_id))
    sealer, user_id = call.outside.sealer, call.user.user_id
    account = await call.read(lambda shop: outgoing.account_of(shop, sealer, user_id))
    paper = await call.read(lambda shop: printing.quotation_paper(shop, quotation_id))
    data = await trio.to_thread.run_sync(press.pdf, paper)
    number = row["quotation_number"]
    text = f"<p>Please find our quotation {number} attached.</p><p>{escape(paper.garage)}</p>"
    attached = File(f"{number}.pdf", "application/pdf", data)
    letter = outgoing.compose(account, recipient, f"Quotation {number}", text, attached)
    await call.outside.mail(account.server, letter)
    await call.write(lambda shop: quotations.mark_sent(shop, quotation_id))
    return {"message": f"Quotation {number} sent to {recipient}.", "status": "sent"}


ACTIONS = (
    Action(
        "sendQuotation",
        REPAIR,
        "POST",
        "/v1/quotations/{id}/send",
        "Print a quotation and mail it to the customer",
        members(message=TEXT, status=TEXT),
        _send,
        ability="quotations:write",
        tag="quotations",
    ),
    verb(
        QUOTATIONS,
        "quotationToInvoice",
        "convert-to-invoice",
        quotations.to_invoice,
        summary="Make a draft invoice of it, and count it as accepted",
        answer=members(invoice_id=WHOLE, message=TEXT),
        status=201,
        aliases=("/v1/quotations/{id}/invoice",),
    ),
    verb(
        QUOTATIONS,
        "quotationToWorkOrder",
        "convert-to-work-order",
        quotations.to_work_order,
        summary="Open a work order with its lines",
        answer=members(work_order_id=WHOLE, message=TEXT),
        status=201,
        aliases=("/v1/quotations/{id}/work-order",),
    ),
    verb(
        QUOTATIONS,
        "rejectQuotation",
        "reject",
        quotations.reject,
        summary="Note that the customer declined",
        inputs=(Input("reason", Text(0)),),
    ),
    verb(
        CREDIT_NOTES,
        "applyCreditNote",
        "apply",
        credit_notes.apply,
        summary="Lower what is outstanding on the invoice",
        answer=members(message=TEXT, invoice_remaining=AMOUNT),
    ),
)
