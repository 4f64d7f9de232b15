"""Field sales: finance."""

from __future__ import annotations

from decimal import Decimal

from gateway.backoffice.catalogue.field_sales.cells import (
    MONEY,
    NAME,
    NOTES,
    SUM,
    Cell,
    first,
    ids,
    later,
    own,
    words,
)
from gateway.backoffice.catalogue.field_sales.sheet import BOOKED, KEPT, Rules, nouns, sheet
from gateway.backoffice.kinds import Flag, Ref, Whole
from gateway.backoffice.moments import Moment
from gateway.backoffice.nested import Many, Mention, Part
from gateway.backoffice.nouns.trade import PERCENT
from gateway.backoffice.profiles.field_sales import META, PAGED, RESULT
from gateway.backoffice.resource import Filter, Match, Write
from gateway.backoffice.rules.field_sales import balance, cheques, payments

ACCOUNT_ADJUSTMENT = sheet(
    "/adjust-account",
    PAGED,
    "AdjustAccountSchema",
    {
        "client": Cell(Ref("customer"), must=True),
        "rep": Ref("rep"),
        "type": Cell(words("credit", "debit"), must=True, find=True),
        "amount": Cell(MONEY, must=True, find=True),
        "reason": Cell(NOTES, must=True),
        "reference": NAME,
        "description": NOTES,
        "previousBalance": own(SUM),
        "newBalance": own(SUM),
        "adjustmentDate": Moment(),
        "approvedBy": own(NAME),
        "approvalDate": own(Moment()),
    },
    name="account_adjustment",
    rules=Rules(balance.adjust),
    operations=BOOKED,
    meta=True,
    span="adjustmentDate",
)

BANK = sheet(
    "/banks",
    META,
    "Bank",
    {
        "name": NAME,
        "code": NAME,
        "country": NAME,
        "disabled": Flag(),
    },
    name="bank",
)

BANK_LIST = sheet(
    "/bankslists",
    META,
    "BankList",
    {
        "name": NAME,
        "banks": ids("bank"),
        "disabled": Flag(),
    },
    name="bank_list",
)

BANK_CHECK = sheet(
    "/checks",
    PAGED,
    "CheckSchema",
    {
        "client": Cell(Ref("customer"), must=True),
        "rep": Ref("rep"),
        "checkNumber": Cell(NAME, must=True, find=True),
        "amount": Cell(MONEY, must=True, find=True),
        "bank": Cell(NAME, must=True, find=True),
        "accountNumber": NAME,
        "issueDate": Moment(),
        "dueDate": Cell(Moment(), must=True, find=True),
        "status": own(words("pending", "cleared", "bounced", "cancelled"), find=True),
        "clearedDate": own(Moment()),
        # A settled payment named it; it is cleared on its day.
        "presented": Cell(Flag(), write=Write.NEVER, default=False, hidden=True, find=True),
        "notes": NOTES,
    },
    name="bank_check",
    rules=Rules(cheques.create),
    operations=BOOKED,
    meta=True,
    span="issueDate",
)

SALES_PAYMENT = sheet(
    "/payments",
    META,
    "Payment",
    {
        "client": Cell(Ref("customer"), also=("client_id", "clients")),
        "rep": Cell(Ref("rep"), also=("creator", "creator._id")),
        "amount": SUM,
        "consumed": Cell(SUM, write=Write.NEVER, default=Decimal(0), hidden=True),
        "paymentMethod": Cell(NAME, also=("payment_type",)),
        "reference": NAME,
        "description": NOTES,
        "date": Cell(Moment(), spans=("paytime",)),
    },
    name="sales_payment",
    rules=Rules(payments.create_payment, payments.change_payment),
    operations=KEPT,
)

REFUND = sheet(
    "/refund",
    PAGED,
    "RefundSchema",
    {
        "client": first(Ref("customer"), must=True),
        "rep": first(Ref("rep")),
        "invoice": first(Ref("sales_invoice")),
        "amount": first(MONEY, must=True, find=True),
        "reason": first(NOTES, must=True),
        "status": later(words("pending", "approved", "rejected", "processed"), find=True),
        "refundMethod": NAME,
        "reference": NAME,
        "notes": NOTES,
        "processedAt": later(Moment()),
        "requestedAt": Cell(Moment(), write=Write.NEVER, hidden=True),
    },
    name="refund",
    rules=Rules(payments.create_refund, payments.change_refund),
    operations=KEPT,
    meta=True,
    span="requestedAt",
)

SETTLEMENT = sheet(
    "/settlement",
    PAGED,
    "SettlementSchema",
    {
        "client": Cell(Ref("customer"), must=True),
        "rep": Ref("rep"),
        "invoices": Cell(
            Many(Part({"invoice": Mention("sales_invoice"), "amount": SUM})), must=True
        ),
        "payments": Cell(
            Many(Part({"payment": Mention("sales_payment"), "amount": SUM})), must=True
        ),
        "totalAmount": own(SUM, find=True),
        "status": own(words("pending", "completed", "cancelled"), find=True),
        "settlementDate": own(Moment()),
        "notes": NOTES,
    },
    name="settlement",
    rules=Rules(payments.settle),
    operations=BOOKED,
    meta=True,
    span="settlementDate",
)

PAYMENT_TERM = sheet(
    "/paymentterms",
    RESULT,
    "PaymentTerm",
    {
        "name": Cell(NAME, must=True, find=True),
        "description": NOTES,
        "days": Whole(0, 3650),
        "discount_percentage": PERCENT,
        "discount_days": Whole(0, 3650),
        "is_active": Cell(Flag(), default=True, find=True),
    },
    name="payment_term",
    filters=(Filter("disabled", ("is_active",), Match.OPPOSITE),),
)

RESOURCES = (
    ACCOUNT_ADJUSTMENT,
    BANK,
    BANK_LIST,
    BANK_CHECK,
    SALES_PAYMENT,
    REFUND,
    SETTLEMENT,
    PAYMENT_TERM,
)
NOUNS = nouns(*RESOURCES)
