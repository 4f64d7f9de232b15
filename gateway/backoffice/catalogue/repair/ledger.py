"""General ledger and VAT returns (contracts/repair.yaml, General Ledger, BTW Aangifte)."""

from __future__ import annotations

from decimal import Decimal

from gateway.backoffice.access import ADMINS
from gateway.backoffice.action import Section, in_shop
from gateway.backoffice.catalogue.repair.shapes import (
    AMOUNT,
    MOMENT,
    OPEN,
    TEXT,
    WHOLE,
    listed,
    members,
)
from gateway.backoffice.kinds import Identifier, Number, Text
from gateway.backoffice.nouns.books import (
    ACCOUNT_TYPES,
    JOURNAL_ENTRY,
    JOURNAL_LINE,
    LEDGER_ACCOUNT,
)
from gateway.backoffice.profiles.repair import PAGED, REPAIR
from gateway.backoffice.profiles.repair import WHOLE as BARE
from gateway.backoffice.records import Member, Records
from gateway.backoffice.resource import (
    READING,
    Computed,
    Field,
    Filter,
    Input,
    Match,
    Nested,
    Operation,
    Resource,
    Shape,
    Write,
    to_many,
)
from gateway.backoffice.rules import ledger, vat_periods
from gateway.domain.money import ZERO

_MONEY = Number(2, Decimal(0))


ACCOUNT = Shape(
    "LedgerAccount",
    LEDGER_ACCOUNT,
    (
        Field("id"),
        Field("code", required=True),
        Field("name", required=True),
        Field("type", required=True),
        # Only ever shown right after it was made; the list has the sums.
        Computed("balance", AMOUNT, lambda _: ZERO),
    ),
)

LINE = Shape(
    "JournalLine",
    JOURNAL_LINE,
    (Field("account_id"), Field("debit"), Field("credit"), Field("description")),
)

ENTRY = Shape(
    "JournalEntry",
    JOURNAL_ENTRY,
    (
        Field("id"),
        Field("number", write=Write.NEVER),
        Field("date", required=True),
        Field("description"),
        Nested("lines", "lines", LINE),
        Field("source_type", write=Write.NEVER),
        Field("source_id", write=Write.NEVER),
        Field("created_at"),
    ),
    (to_many("lines", "journal_line", "journal_entry_id"),),
)

_LINES = Records(
    (
        Member("account_id", Identifier(), required=True),
        Member("debit", _MONEY, default=ZERO),
        Member("credit", _MONEY, default=ZERO),
        Member("description", Text()),
    )
)

RESOURCES = (
    Resource(
        name="ledger_account",
        profile=BARE,
        path="/general-ledger/accounts",
        shape=ACCOUNT,
        ability="ledger",
        module="accounting",
        operations=frozenset({Operation.CREATE}),
        create=ledger.create_account,
    ),
    Resource(
        name="journal_entry",
        profile=PAGED,
        path="/general-ledger/entries",
        aliases=("/general-ledger/journal-entries",),
        shape=ENTRY,
        ability="ledger",
        module="accounting",
        operations=READING | {Operation.CREATE},
        filters=(
            Filter("account_id", ("lines.account_id",), Match.RELATED),
            Filter("from", ("date",), Match.FROM),
            Filter("to", ("date",), Match.UNTIL),
        ),
        inputs=(Input("lines", _LINES, required=True),),
        create=ledger.create_entry,
    ),
)

_PERIOD = members(
    id=WHOLE,
    year=WHOLE,
    quarter={"type": "integer", "minimum": 1, "maximum": 4},
    status={"type": "string", "enum": ["open", "filed"]},
    total_vat=AMOUNT,
    filed_at=MOMENT | {"type": ["string", "null"]},
    boxes=OPEN,
)


_SECTION = Section(REPAIR, "btw", module="accounting")

ACTIONS = (
    _SECTION.action(
        "GET",
        "listLedgerAccounts",
        "/general-ledger/accounts",
        "Accounts with their balances, by code",
        listed(
            members(
                id=WHOLE,
                code=TEXT,
                name=TEXT,
                type={"type": "string", "enum": list(ACCOUNT_TYPES)},
                balance=AMOUNT,
            )
        ),
        in_shop(ledger.list_accounts),
        ability="ledger:read",
        tag="ledger",
    ),
    _SECTION.action(
        "GET",
        "listVatPeriods",
        "/btw/periods",
        "Quarters of the VAT return",
        listed(_PERIOD),
        in_shop(vat_periods.list_periods),
        aliases=("/btw", "/btw-aangifte"),
    ),
    _SECTION.action(
        "GET",
        "showVatPeriod",
        "/btw/periods/{id}",
        "One quarter",
        _PERIOD,
        in_shop(vat_periods.show_period, writes=False),
    ),
    _SECTION.action(
        "POST",
        "fileVatPeriod",
        "/btw/periods/{id}/file",
        "File a quarter; nothing can be booked in it afterwards",
        _PERIOD,
        in_shop(vat_periods.file_period),
        roles=ADMINS,
        aliases=("/btw/{id}/file",),
    ),
)
