"""Field sales: sales."""

from __future__ import annotations

from decimal import Decimal

from gateway.backoffice.catalogue.field_sales.acts import TEXT, WHOLE, answer, on_all
from gateway.backoffice.catalogue.field_sales.cells import NAME, SUM, Cell, first, own, words
from gateway.backoffice.catalogue.field_sales.sheet import KEPT, Rules, nouns, sheet
from gateway.backoffice.kinds import Document, Flag, Ref, Whole
from gateway.backoffice.moments import Moment
from gateway.backoffice.nested import Many, Mention
from gateway.backoffice.profiles.field_sales import LINKS, META, PAGING
from gateway.backoffice.resource import Filter, Input, Match, Write
from gateway.backoffice.rules.field_sales import documents, serials

SALES_INVOICE = sheet(
    "/fullinvoices",
    META,
    "FullInvoice",
    {
        "serial": Cell(NAME, also=("serial_number.formatted",)),
        "client": Cell(Ref("customer"), also=("client_id", "clients")),
        "rep": Cell(Ref("rep"), also=("creator", "creator._id")),
        "warehouse": Cell(Ref("warehouse"), also=("origin_warehouse",)),
        "items": Many(Document()),
        "total": SUM,
        "status": Cell(NAME, find=True),
        "settled": Cell(SUM, write=Write.NEVER, default=Decimal(0), hidden=True),
        "kind": Cell(words("sales", "return"), write=Write.NEVER, default="sales", hidden=True),
        "dueDate": Moment(),
        # The offer that it takes up.
        "proforma_reference": first(Ref("proforma")),
    },
    name="sales_invoice",
    rules=Rules(documents.create_invoice, documents.change_invoice),
    operations=KEPT,
    unique=(("serial", "kind"),),
    dated=("issue_date",),
    filters=(Filter("is_void", ("status",), Match.ANY, Flag(), resolve=documents.statuses),),
)

PROFORMA = sheet(
    "/proforma",
    META,
    "Proforma",
    {
        "serial": Cell(NAME, unique=True, also=("serial_number.formatted",)),
        "client": Cell(Ref("customer"), also=("client_id", "clients")),
        "rep": Cell(Ref("rep"), also=("creator", "creator._id")),
        "warehouse": Ref("warehouse"),
        "items": Many(Document()),
        "total": SUM,
        "status": Cell(NAME, find=True),
        "validUntil": Moment(),
        "converted_at": own(Moment()),
    },
    name="proforma",
    rules=Rules(documents.create_proforma, documents.change_proforma),
    operations=KEPT,
    dated=("createdAt", "issue_date", "time"),
)

RETURN_REASON = sheet(
    "/return-reason",
    LINKS,
    "ReturnReasonSchema",
    {
        "name": Cell(NAME, must=True, find=True),
        "local_name": Cell(NAME, find=True),
        "disabled": Cell(Flag(), find=True),
    },
    name="return_reason",
    meta=True,
)

SERIAL_COUNTER = sheet(
    "/safe-invoice-serial-counter",
    PAGING,
    "SafeInvoiceSerialCounter",
    {
        "rep": first(Ref("rep"), must=True),
        "warehouse": first(Ref("warehouse"), must=True),
        "invoice_type": first(words("sales", "return", "proforma"), must=True),
        "current_serial": Cell(Whole(0, 999_999_999), default=0),
        "last_used_date": own(Moment()),
        "prefix": NAME,
        "suffix": NAME,
        "pad_length": Cell(Whole(1, 20), default=6),
    },
    name="serial",
    rules=Rules(serials.create, serials.change),
    unique=(("rep", "warehouse", "invoice_type"),),
)

RESOURCES = (
    SALES_INVOICE,
    PROFORMA,
    RETURN_REASON,
    SERIAL_COUNTER,
)
NOUNS = nouns(*RESOURCES)

ACTIONS = (
    on_all(
        "/safe-invoice-serial-counter/next",
        "takeNextInvoiceSerial",
        serials.next_serial,
        "Take the next serial of a counter",
        inputs=(
            Input("rep", Mention("rep"), required=True),
            Input("warehouse", Mention("warehouse"), required=True),
            Input("invoice_type", words("sales", "return", "proforma"), required=True),
        ),
        shows=answer(next_serial=WHOLE, formatted_serial=TEXT),
    ),
)
