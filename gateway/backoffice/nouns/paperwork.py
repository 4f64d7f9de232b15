"""Documents with lines: quotations, invoices, credit notes, recurring invoices.

Every line has the same columns, so that one piece of code copies, sums and prints them.
"""

from __future__ import annotations

from decimal import Decimal

from gateway.backoffice.kinds import Bytes, Choice, Document, Flag, Number, Ref, Text
from gateway.backoffice.moments import Day, Moment
from gateway.backoffice.noun import Column, Noun
from gateway.backoffice.nouns.trade import PERCENT, QUANTITY

FREQUENCIES = ("weekly", "monthly", "quarterly", "yearly")
METHODS = ("cash", "pin", "bank", "mollie", "stripe")


def lines_of(owner: str) -> Noun:
    """Return the noun of the lines of ``owner``."""
    return Noun(
        f"{owner}_line",
        (
            Column(f"{owner}_id", Ref(owner), null=False),
            Column("description", Text(255), null=False),
            Column("quantity", QUANTITY, null=False),
            Column("unit_price", Number(2), null=False),
            Column("vat_rate", PERCENT, null=False, default=Decimal(21), index=True),
        ),
    )


QUOTATION = Noun(
    "quotation",
    (
        Column("quotation_number", Text(32), null=False, unique=True),
        Column(
            "status",
            Choice(("draft", "sent", "accepted", "rejected", "expired")),
            null=False,
            default="draft",
            index=True,
        ),
        Column("customer_id", Ref("customer"), null=False),
        Column("work_order_id", Ref("work_order")),
        Column("valid_until", Day(), index=True),
        Column("notes", Text(0)),
        Column("sent_at", Moment()),
        Column("rejection_reason", Text(0)),
        Column("invoice_id", Ref("invoice")),
    ),
)

INVOICE = Noun(
    "invoice",
    (
        # Drafts have none: the series must not have gaps.
        Column("invoice_number", Text(32), unique=True),
        Column(
            "status",
            Choice(("draft", "sent", "paid", "overdue", "cancelled")),
            null=False,
            default="draft",
            index=True,
        ),
        Column("customer_id", Ref("customer"), null=False),
        Column("work_order_id", Ref("work_order")),
        Column("invoice_date", Day(), null=False, index=True),
        Column("due_date", Day(), index=True),
        Column("total_incl", Number(2), null=False, default=Decimal(0)),
        Column("total_excl", Number(2), null=False, default=Decimal(0)),
        Column("amount_paid", Number(2), null=False, default=Decimal(0)),
        Column("amount_credited", Number(2), null=False, default=Decimal(0)),
        Column("sent_at", Moment()),
        Column("paid_at", Moment()),
        Column("recurring_invoice_id", Ref("recurring_invoice")),
        # Recurring invoice and period that it was made for: at most one invoice each.
        Column("run_key", Text(64), unique=True),
        # Who it was sent to, as they were then: the law keeps it for seven years.
        Column("billed_to", Document()),
        Column("pdf", Bytes()),
    ),
    dated=True,
)

PAYMENT = Noun(
    "payment",
    (
        Column("invoice_id", Ref("invoice"), null=False),
        Column("amount", Number(2), null=False),
        Column("paid_on", Day(), null=False),
        Column("method", Choice(METHODS), null=False, default="bank"),
        # The payment service's own number: the same payment is never booked twice.
        Column("reference", Text(100), unique=True),
    ),
)

CREDIT_NOTE = Noun(
    "credit_note",
    (
        Column("credit_note_number", Text(32), null=False, unique=True),
        Column("invoice_id", Ref("invoice"), null=False),
        Column(
            "status", Choice(("open", "applied", "void")), null=False, default="open", index=True
        ),
        Column("reason", Text(0), null=False),
        Column("total_incl", Number(2), null=False, default=Decimal(0)),
        Column("total_excl", Number(2), null=False, default=Decimal(0)),
        Column("applied_at", Moment()),
    ),
    soft=True,
)

RECURRING_INVOICE = Noun(
    "recurring_invoice",
    (
        Column("customer_id", Ref("customer"), null=False),
        Column("frequency", Choice(FREQUENCIES), null=False),
        Column("next_run_date", Day(), null=False, index=True),
        # Months are counted from here, so that the 31st comes back after February.
        Column("anchor", Day(), null=False),
        Column("auto_send", Flag(), null=False, default=False),
        Column("last_run_at", Moment()),
        Column("is_active", Flag(), null=False, default=True),
    ),
    soft=True,
)

QUOTATION_LINE, INVOICE_LINE, CREDIT_NOTE_LINE, RECURRING_INVOICE_LINE = (
    lines_of(owner) for owner in ("quotation", "invoice", "credit_note", "recurring_invoice")
)

NOUNS = (
    QUOTATION,
    QUOTATION_LINE,
    INVOICE,
    INVOICE_LINE,
    PAYMENT,
    CREDIT_NOTE,
    CREDIT_NOTE_LINE,
    RECURRING_INVOICE,
    RECURRING_INVOICE_LINE,
)
