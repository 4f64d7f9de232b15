"""The books: entries that balance, and never change.

One function posts, whoever asks: people and documents alike are held to the balance and to the
quarters that are filed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import func, select

from gateway.backoffice.nouns.books import LEDGER_ACCOUNT
from gateway.backoffice.refusal import broken_rule, wrong_field
from gateway.backoffice.rules import debtors
from gateway.backoffice.rules.money import Totals
from gateway.backoffice.rules.numbering import next_number
from gateway.backoffice.rules.seeds import plant
from gateway.backoffice.shop import Shop, Values
from gateway.domain.money import ZERO

#: Accounts by what they are for.
CASH, BANK, DEBTORS, VAT_DUE, VAT_PAID = "1000", "1100", "1300", "1500", "1510"
STOCK, GOODS_RECEIVED, REVENUE = "3000", "3100", "8000"
#: For what nobody has explained yet.
UNEXPLAINED = "1900"


@dataclass(frozen=True, slots=True)
class Booking:
    """One line of an entry; one of the two amounts is zero.

    Attributes:
        code: account.
        vat_rate: percent, on turnover and on VAT.
    """

    code: str
    debit: Decimal = ZERO
    credit: Decimal = ZERO
    vat_rate: Decimal | None = None


def debit(code: str, amount: Decimal, rate: Decimal | None = None) -> Booking:
    """Return a debit; a negative amount is a credit."""
    return (
        Booking(code, debit=amount, vat_rate=rate) if amount >= 0 else credit(code, -amount, rate)
    )


def credit(code: str, amount: Decimal, rate: Decimal | None = None) -> Booking:
    """Return a credit; a negative amount is a debit."""
    return (
        Booking(code, credit=amount, vat_rate=rate) if amount >= 0 else debit(code, -amount, rate)
    )


def sale(totals: Totals) -> list[Booking]:
    """Return what a bill of these totals books; negate the totals for a credit note."""
    bookings = [debit(DEBTORS, totals.including)]
    for rate, (base, tax) in totals.vat_by_rate.items():
        bookings += [credit(REVENUE, base, rate), credit(VAT_DUE, tax, rate)]
    return bookings


def post_document(
    shop: Shop,
    day: date,
    text: str,
    bookings: Sequence[Booking],
    source: tuple[str, int],
    customer_id: int | None = None,
) -> int | None:
    """Post what a document causes; lines of nothing are left out, an empty entry is none.

    What it books on debtors also changes what the customer owes, where one is named.
    """
    known = customer_id and shop.find("customer", id=customer_id)
    if known:
        # Held before the books, as everywhere: else two documents would wait for each other.
        shop.lock("customer", known["id"])
    entry_id = _post_bookings(shop, day, text, bookings, source)
    owed = sum((one.debit - one.credit for one in bookings if one.code == DEBTORS), ZERO)
    if known and entry_id is not None and owed:
        debtors.owe(shop, known["id"], owed, f"entry {entry_id}")
    return entry_id


def _post_bookings(
    shop: Shop, day: date, text: str, bookings: Sequence[Booking], source: tuple[str, int]
) -> int | None:
    plant(shop, LEDGER_ACCOUNT)
    accounts = {row["code"]: row["id"] for row in shop.where("ledger_account")}
    lines = [
        {
            "account_id": accounts[booking.code],
            "debit": booking.debit,
            "credit": booking.credit,
            "vat_rate": booking.vat_rate,
        }
        for booking in bookings
        if booking.debit or booking.credit
    ]
    if not lines:
        return None
    head = {"date": day, "description": text[:255]}
    return post(shop, head | {"source_type": source[0], "source_id": source[1]}, lines)


def post(shop: Shop, head: Values, lines: Sequence[Values]) -> int:
    """Store an entry under the next number.

    Raises:
        Invalid: it does not balance, has fewer than two lines, or its quarter is filed.
    """
    _check_balance(lines)
    check_open(shop, head["date"])
    number = next_number(shop, "JE", head["date"])
    entry_id = shop.insert("journal_entry", head | {"number": number})
    shop.insert_all("journal_line", [line | {"journal_entry_id": entry_id} for line in lines])
    return entry_id


def create_entry(shop: Shop, values: Values) -> int:
    """Post an entry that somebody typed in; raises like :func:`post`."""
    lines = values.pop("lines")
    for index, line in enumerate(lines):
        if shop.find("ledger_account", id=line["account_id"]) is None:
            raise wrong_field(f"lines.{index}.account_id", "is invalid.")
    return post(shop, values, lines)


def create_account(shop: Shop, values: Values) -> int:
    """Add an account to those that every garage has."""
    plant(shop, LEDGER_ACCOUNT)
    return shop.insert("ledger_account", values)


def list_accounts(shop: Shop, _: Values) -> object:
    """Return the accounts with their balances, by code."""
    plant(shop, LEDGER_ACCOUNT)
    line = shop.tables["journal_line"]
    query = (
        select(line.c.account_id, func.sum(line.c.debit), func.sum(line.c.credit))
        .where(*shop.visible(line))
        .group_by(line.c.account_id)
    )
    debits = {row[0]: row[1] - row[2] for row in shop.connection.execute(query)}
    rows = sorted(shop.where("ledger_account"), key=lambda row: str(row["code"]))
    return [_account(row, debits.get(row["id"]) or ZERO) for row in rows]


def _account(row: Values, debits: Decimal) -> Values:
    on_debit = row["type"] in {"asset", "expense"}
    shown = {name: row[name] for name in ("id", "code", "name", "type")}
    return shown | {"balance": debits if on_debit else -debits}


def quarter_of(day: date) -> tuple[int, int]:
    """Return year and quarter."""
    return day.year, (day.month + 2) // 3


def is_filed(shop: Shop, day: date) -> bool:
    """Tell whether the VAT return of the day's quarter is filed."""
    year, quarter = quarter_of(day)
    period = shop.find("vat_period", year=year, quarter=quarter)
    return period is not None and period["status"] == "filed"


def check_open(shop: Shop, day: date) -> None:
    """Refuse a day in a filed quarter; raises ``Invalid``."""
    if is_filed(shop, day):
        year, quarter = quarter_of(day)
        raise broken_rule(
            f"The VAT return of quarter {quarter} of {year} is filed: nothing more can be booked "
            "in it. Choose a later date."
        )


def open_day(shop: Shop, day: date) -> date:
    """Return ``day``, or today when the day's quarter is filed: late documents go on."""
    return shop.today if is_filed(shop, day) else day


def _check_balance(lines: Sequence[Values]) -> None:
    if len(lines) < 2:
        raise broken_rule("An entry has at least two lines.")
    for line in lines:
        if (line["debit"] > 0) == (line["credit"] > 0):
            raise broken_rule("Each line is either a debit or a credit, not both and not neither.")
    debits = sum((line["debit"] for line in lines), ZERO)
    credits_ = sum((line["credit"] for line in lines), ZERO)
    if debits != credits_:
        raise broken_rule(f"Debit {debits} and credit {credits_} must be equal.")


def reversed_booking(booking: Booking) -> Booking:
    """Return what undoes a booking."""
    return Booking(booking.code, booking.credit, booking.debit, booking.vat_rate)
