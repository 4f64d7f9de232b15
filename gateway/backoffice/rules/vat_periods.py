"""Quarters of the VAT return: computed from the ledger while open, frozen when filed."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

from sqlalchemy import func, select

from gateway.backoffice.refusal import broken_rule
from gateway.backoffice.rules.ledger import REVENUE, VAT_DUE, VAT_PAID, quarter_of
from gateway.backoffice.shop import Shop, Values
from gateway.domain.money import ZERO

#: Box of the Dutch form -> rate of the turnover in it; 1c is every other rate.
BOXES = {"1a": Decimal(21), "1b": Decimal(9), "1e": Decimal(0)}

#: Two years back is what a garage still looks at.
_FIRST_YEARS = 2


def ensure_periods(shop: Shop) -> None:
    """Make the quarters from the first entry, or this one, to the present one."""
    table = shop.tables["journal_entry"]
    first = shop.connection.execute(
        select(func.min(table.c.date)).where(*shop.visible(table))
    ).scalar()
    earliest = shop.today.replace(year=shop.today.year - _FIRST_YEARS, month=1, day=1)
    wanted = quarter_of(max(first or shop.today, earliest))
    while wanted <= quarter_of(shop.today):
        if shop.find("vat_period", year=wanted[0], quarter=wanted[1]) is None:
            shop.insert("vat_period", {"year": wanted[0], "quarter": wanted[1]})
        wanted = (wanted[0] + wanted[1] // 4, wanted[1] % 4 + 1)


def list_periods(shop: Shop, _: Values) -> object:
    """Return all quarters, the newest first."""
    ensure_periods(shop)
    rows = sorted(shop.where("vat_period"), key=lambda row: (row["year"], row["quarter"]))
    return [shown(shop, row) for row in reversed(rows)]


def show_period(shop: Shop, values: Values) -> object:
    """Return one quarter."""
    return shown(shop, shop.get("vat_period", values["id"]))


def file_period(shop: Shop, values: Values) -> object:
    """File a quarter: its numbers are frozen and nothing is booked in it any more.

    Raises:
        Invalid: it is filed, or not over yet.
    """
    row = shop.lock("vat_period", values["id"])
    if row["status"] == "filed":
        raise broken_rule("This quarter is filed already.")
    if shop.today <= last_day(row["year"], row["quarter"]):
        raise broken_rule("This quarter is not over yet. File it when it is.")
    total, boxes = _computed(shop, row["year"], row["quarter"])
    frozen = {"status": "filed", "filed_at": shop.now, "total_vat": total, "boxes": boxes}
    shop.change("vat_period", row["id"], frozen)
    return shown(shop, row | frozen)


def shown(shop: Shop, row: Values) -> dict[str, object]:
    """Return a quarter as the API shows it."""
    total, boxes = row["total_vat"], row["boxes"]
    if row["status"] == "open":
        total, boxes = _computed(shop, row["year"], row["quarter"])
    filed_at = row["filed_at"] and row["filed_at"].isoformat(timespec="seconds")
    return {
        "id": row["id"],
        "year": row["year"],
        "quarter": row["quarter"],
        "status": row["status"],
        "total_vat": total,
        "filed_at": filed_at and filed_at.replace("+00:00", "Z"),
        "boxes": boxes,
    }


def last_day(year: int, quarter: int) -> date:
    """Return the last day of a quarter."""
    following = date(year + quarter // 4, quarter % 4 * 3 + 1, 1)
    return following - timedelta(days=1)


def _computed(shop: Shop, year: int, quarter: int) -> tuple[Decimal, dict[str, object]]:
    turnover, tax, paid = _sums(shop, date(year, quarter * 3 - 2, 1), last_day(year, quarter))
    boxes: dict[str, object] = {
        box: {"base": _euros(turnover[rate]), "vat": _euros(tax[rate])}
        for box, rate in BOXES.items()
    }
    rest = [rate for rate in {*turnover, *tax} if rate not in BOXES.values()]
    other = sum((turnover[r] for r in rest), ZERO), sum((tax[r] for r in rest), ZERO)
    boxes["1c"] = {"base": _euros(other[0]), "vat": _euros(other[1])}
    due = sum(tax.values(), ZERO)
    boxes |= {"5a": _euros(due), "5b": _euros(paid)}
    return due - paid, boxes


def _sums(
    shop: Shop, first: date, last: date
) -> tuple[dict[Decimal, Decimal], dict[Decimal, Decimal], Decimal]:
    """Return turnover and VAT by rate, and input VAT, booked between two days."""
    entry, line, account = (
        shop.tables[name] for name in ("journal_entry", "journal_line", "ledger_account")
    )
    # Two sums: a difference of two amounts is no amount to the database's types.
    sums = func.sum(line.c.credit), func.sum(line.c.debit)
    query = (
        select(account.c.code, line.c.vat_rate, *sums)
        .join(entry, entry.c.id == line.c.journal_entry_id)
        .join(account, account.c.id == line.c.account_id)
        .where(*shop.visible(line), entry.c.date >= first, entry.c.date <= last)
        .where(account.c.code.in_((REVENUE, VAT_DUE, VAT_PAID)))
        .group_by(account.c.code, line.c.vat_rate)
    )
    turnover: defaultdict[Decimal, Decimal] = defaultdict(lambda: ZERO)
    tax: defaultdict[Decimal, Decimal] = defaultdict(lambda: ZERO)
    paid = ZERO
    for code, rate, credited, debited in shop.connection.execute(query):
        amount = credited - debited
        if code == VAT_PAID:
            paid -= amount
        else:
            # Booked by hand without a rate: it counts, but in no box of its own.
            (turnover if code == REVENUE else tax)[Decimal(-1) if rate is None else rate] += amount
    return turnover, tax, paid


def _euros(amount: Decimal) -> int:
    return int(amount.quantize(Decimal(1), rounding=ROUND_HALF_UP))
