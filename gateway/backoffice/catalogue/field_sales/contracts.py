"""Field sales: contracts."""

from __future__ import annotations

from gateway.backoffice.catalogue.field_sales.acts import on_one
from gateway.backoffice.catalogue.field_sales.cells import (
    NAME,
    NOTES,
    SUM,
    Cell,
    first,
    later,
    own,
    words,
)
from gateway.backoffice.catalogue.field_sales.late import overdue
from gateway.backoffice.catalogue.field_sales.sheet import Rules, nouns, sheet
from gateway.backoffice.kinds import Document, Flag, Ref, Whole
from gateway.backoffice.moments import Day, Moment
from gateway.backoffice.nested import Many, Part
from gateway.backoffice.profiles.field_sales import META, PAGING
from gateway.backoffice.resource import Filter, Input, Match, Write
from gateway.backoffice.rules.field_sales import installments

CONTRACT = sheet(
    "/contract",
    META,
    "Contract",
    {
        "title": NAME,
        "client": Ref("customer"),
        "startDate": Cell(Moment(), spans=("start_time",)),
        "endDate": Cell(Moment(), spans=("end_time",)),
        "totalAmount": Cell(SUM, spans=("amount",)),
        "currency": NAME,
        "status": Cell(NAME, find=True),
        "terms": NOTES,
        "installments": Many(Document()),
    },
    name="contract",
    dated=("createdAt",),
)

INSTALLMENT = sheet(
    "/contract-installment",
    PAGING,
    "ContractInstallment",
    {
        "contract": first(Ref("contract"), must=True),
        "installment_number": first(Whole(), must=True),
        "due_date": Cell(Day(), must=True, find=True),
        "amount": Cell(SUM, must=True),
        "currency": first(NAME, default="USD"),
        "status": later(words("pending", "paid", "overdue", "cancelled"), find=True),
        "payment_date": later(Day()),
        "payment_amount": later(SUM),
        "payment_method": later(words("cash", "check", "credit_card", "bank_transfer", "other")),
        "payment_reference": later(NAME),
        "late_fee": Cell(SUM, default=0),
        "discount_applied": Cell(SUM, default=0),
        "interest_rate": Cell(SUM, default=0),
        "grace_period_days": Cell(Whole(0, 3650), default=0),
        "graceEnds": Cell(Day(), write=Write.NEVER, hidden=True),
        "remindedOf": Cell(words("soon", "overdue"), write=Write.NEVER, hidden=True),
        "reminder_sent": own(Flag()),
        "reminder_dates": own(Many(NAME)),
        "auto_pay_enabled": Cell(Flag(), default=False),
        "payment_history": own(
            Many(
                Part(
                    {
                        "date": Moment(),
                        "amount": SUM,
                        "method": NAME,
                        "reference": NAME,
                        "notes": NOTES,
                    }
                )
            )
        ),
        "notes": NOTES,
        "custom_fields": Document(),
    },
    name="installment",
    rules=Rules(installments.create, installments.change),
    unique=(("contract", "installment_number"),),
    filters=(
        Filter("due_date_from", ("due_date",), Match.FROM),
        Filter("due_date_to", ("due_date",), Match.UNTIL),
    ),
)

RESOURCES = (
    CONTRACT,
    INSTALLMENT,
)
NOUNS = nouns(*RESOURCES)

ACTIONS = (
    on_one(
        INSTALLMENT,
        "markInstallmentPaid",
        "/{id}/pay",
        installments.pay,
        "Take a payment for an instalment",
        inputs=(
            Input("payment_date", Day(), required=True),
            Input("payment_amount", SUM, required=True),
            Input(
                "payment_method", words("cash", "check", "credit_card", "bank_transfer", "other")
            ),
            Input("payment_reference", NAME),
            Input("notes", NOTES),
        ),
    ),
    overdue(INSTALLMENT),
)
