"""Invoices and recurring ones (contracts/repair.yaml, Invoices, Recurring Invoices)."""

from __future__ import annotations

from decimal import Decimal

import trio

from gateway.backoffice.action import Action, Call, verb
from gateway.backoffice.catalogue.repair.shapes import (
    AMOUNT,
    CUSTOMER_REF,
    NULL_WHOLE,
    OPEN,
    TEXT,
    WHOLE,
    column_of,
    line_shape,
    listed,
    members,
)
from gateway.backoffice.kinds import Choice, Email, Number
from gateway.backoffice.moments import Day
from gateway.backoffice.nouns.paperwork import (
    INVOICE,
    INVOICE_LINE,
    METHODS,
    RECURRING_INVOICE,
    RECURRING_INVOICE_LINE,
)
from gateway.backoffice.profiles.repair import PAGED, REPAIR
from gateway.backoffice.profiles.repair import WHOLE as BARE
from gateway.backoffice.records import File
from gateway.backoffice.resource import (
    Computed,
    Field,
    Filter,
    Input,
    Match,
    Nested,
    Relation,
    Resource,
    Row,
    Shape,
    Write,
    to_many,
    to_one,
)
from gateway.backoffice.rules import documents, invoices, press, printing, recurring

_LINES = documents.line_input("vat_rate")


def _breakdown(row: Row) -> object:
    groups = documents.sums(line.values for line in row.related["lines"]).vat_by_rate
    return [{"rate": rate, "base": base, "vat": tax} for rate, (base, tax) in groups.items()]


SHAPE = Shape(
    "Invoice",
    INVOICE,
    (
        Field("id"),
        Field("invoice_number", write=Write.NEVER),
        Field("status", write=Write.NEVER),
        Nested("customer", "customer", CUSTOMER_REF, many=False),
        Field("work_order_id", write=Write.CREATE),
        Field("invoice_date", required=True),
        Field("due_date"),
        Nested("lines", "lines", line_shape("InvoiceLine", INVOICE_LINE, "vat_rate", net=True)),
        Field("subtotal_excl", "total_excl", write=Write.NEVER),
        Computed("vat_breakdown", listed(OPEN), _breakdown),
        Computed(
            "total_vat", AMOUNT, lambda row: row.values["total_incl"] - row.values["total_excl"]
        ),
        Field("total_incl", write=Write.NEVER),
        Field("amount_paid", write=Write.NEVER),
        Field("amount_credited", write=Write.NEVER),
        Computed("outstanding", AMOUNT, lambda row: invoices.outstanding(dict(row.values))),
        Field("sent_at", write=Write.NEVER),
        Field("paid_at", write=Write.NEVER),
        Computed("quotation_id", NULL_WHOLE, column_of("quotation", "id")),
        Field("recurring_invoice_id", write=Write.NEVER),
        Field("created_at"),
    ),
    (
        to_one("customer", "customer"),
        to_many("lines", "invoice_line", "invoice_id"),
        Relation("quotation", "quotation", "id", "invoice_id"),
    ),
)

INVOICES = Resource(
    name="invoice",
    profile=PAGED,
    path="/invoices",
    shape=SHAPE,
    ability="invoices",
    filters=(
        Filter("status"),
        Filter("customer_id"),
        Filter("from", ("invoice_date",), Match.FROM),
        Filter("to", ("invoice_date",), Match.UNTIL),
    ),
    inputs=(Field("customer_id", required=True), Input("lines", _LINES)),
    create=invoices.create,
    change=invoices.change,
    remove=invoices.remove,
)

RECURRING = Resource(
    name="recurring_invoice",
    profile=BARE,
    path="/v1/recurring-invoices",
    shape=Shape(
        "RecurringInvoice",
        RECURRING_INVOICE,
        (
            Field("id"),
            Field("customer_id", required=True, write=Write.CREATE),
            Field("frequency", required=True),
            Field("next_run_date", required=True),
            Nested(
                "lines",
                "lines",
                line_shape("RecurringInvoiceLine", RECURRING_INVOICE_LINE, "vat_rate", net=True),
            ),
            Field("auto_send"),
            Field("last_run_at", write=Write.NEVER),
            Field("is_active"),
        ),
        (to_many("lines", "recurring_invoice_line", "recurring_invoice_id"),),
    ),
    ability="invoices",
    module="accounting",
    inputs=(Input("lines", _LINES, required=True),),
    order=("id",),
    create=recurring.create,
    change=recurring.change,
)

RESOURCES = (INVOICES, RECURRING)


async def _pdf(call: Call) -> object:
    """Print an invoice; what was sent is printed once and kept."""
    invoice_id = call.id()
    row, paper = await call.read(lambda shop: printing.invoice_paper(shop, invoice_id))
    data = row["pdf"]
    if data is None:
        data = await trio.to_thread.run_sync(press.pdf, paper)
        if row["status"] != "draft":
            await call.write(lambda shop: shop.change("invoice", invoice_id, {"pdf": data}))
    return File(f"{row['invoice_number'] or 'draft'}.pdf", "application/pdf", data)


ACTIONS = (
    verb(
        INVOICES,
        "sendInvoice",
        "send",
        invoices.send,
        summary="Number, book and mail a draft",
        inputs=(Input("to", Email()),),
    ),
    verb(
        INVOICES,
        "recordInvoicePayment",
        "payments",
        invoices.pay,
        summary="Book a payment",
        inputs=(
            Input("amount", Number(2, Decimal(0), above_minimum=True), required=True),
            Input("paid_on", Day(), required=True),
            Input("method", Choice(METHODS)),
        ),
        status=201,
    ),
    verb(
        INVOICES,
        "cancelInvoice",
        "cancel",
        invoices.cancel,
        summary="Cancel a draft, or what was credited in full",
    ),
    Action(
        "invoicePdf",
        REPAIR,
        "GET",
        "/invoices/{id}/pdf",
        "The invoice as PDF",
        {"type": "string", "format": "binary"},
        _pdf,
        ability="invoices:read",
        media="application/pdf",
        tag="invoices",
    ),
    verb(
        RECURRING,
        "runRecurringInvoice",
        "run",
        recurring.run_now,
        summary="Make an invoice now, outside the schedule",
        answer=members(invoice_id=WHOLE, message=TEXT),
        status=201,
        aliases=("/v1/recurring-invoices/{id}/generate",),
    ),
)
