"""The general ledger and the quarters of the VAT return."""

from __future__ import annotations

from decimal import Decimal

from gateway.backoffice.kinds import Choice, Document, Number, Ref, Text, Whole
from gateway.backoffice.moments import Day, Moment
from gateway.backoffice.noun import Column, Noun

ACCOUNT_TYPES = ("asset", "liability", "equity", "revenue", "expense")

_MONEY = Number(2, Decimal(0))

LEDGER_ACCOUNT = Noun(
    "ledger_account",
    (
        Column("code", Text(16), null=False, unique=True),
        Column("name", Text(100), null=False),
        Column("type", Choice(ACCOUNT_TYPES), null=False),
    ),
    seeds=tuple(
        {"code": code, "name": name, "type": kind}
        for code, name, kind in (
            ("1000", "Kas", "asset"),
            ("1100", "Bank", "asset"),
            ("1300", "Debiteuren", "asset"),
            ("1500", "Af te dragen BTW", "liability"),
            ("1510", "Te vorderen BTW", "asset"),
            ("1600", "Crediteuren", "liability"),
            ("1900", "Vraagposten", "liability"),
            ("3000", "Voorraad", "asset"),
            ("3100", "Nog te ontvangen facturen", "liability"),
            ("7000", "Kostprijs omzet", "expense"),
            ("8000", "Omzet", "revenue"),
        )
    ),
)

#: Posted is immutable; a mistake is corrected by an entry of its own.
JOURNAL_ENTRY = Noun(
    "journal_entry",
    (
        Column("number", Text(32), null=False, unique=True),
        Column("date", Day(), null=False, index=True),
        Column("description", Text(255)),
        Column("source_type", Text(32), index=True),
        Column("source_id", Whole(1)),
    ),
)

JOURNAL_LINE = Noun(
    "journal_line",
    (
        Column("journal_entry_id", Ref("journal_entry"), null=False),
        Column("account_id", Ref("ledger_account"), null=False),
        Column("debit", _MONEY, null=False, default=Decimal(0)),
        Column("credit", _MONEY, null=False, default=Decimal(0)),
        Column("description", Text(255)),
        # Set on turnover and on the VAT over it: the rate.
        Column("vat_rate", Number(2)),
    ),
)

VAT_PERIOD = Noun(
    "vat_period",
    (
        Column("year", Whole(2000, 9999), null=False),
        Column("quarter", Whole(1, 4), null=False),
        Column("status", Choice(("open", "filed")), null=False, default="open"),
        Column("filed_at", Moment()),
        # Frozen when filed; computed from the ledger until then.
        Column("total_vat", Number(2)),
        Column("boxes", Document()),
    ),
    unique=(("year", "quarter"),),
)

NOUNS = (LEDGER_ACCOUNT, JOURNAL_ENTRY, JOURNAL_LINE, VAT_PERIOD)
