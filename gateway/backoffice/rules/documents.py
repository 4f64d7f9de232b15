"""Lines of documents: stored, copied and summed the same way whatever they belong to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from gateway.backoffice.kinds import Text
from gateway.backoffice.nouns.trade import PERCENT, PRICE, QUANTITY, TAX_RATE
from gateway.backoffice.records import Member, Records
from gateway.backoffice.refusal import broken_rule
from gateway.backoffice.rules import money
from gateway.backoffice.rules.seeds import plant
from gateway.backoffice.shop import Shop, Values

#: What of a line goes along when it is copied.
COPIED = ("description", "quantity", "unit_price", "vat_rate")


def line_input(rate: str) -> Records:
    """Return the kind of ``lines`` in a body; ``rate`` is how the API spells the VAT rate."""
    members = (
        Member("description", Text(255), required=True),
        Member("qty", QUANTITY, "quantity", required=True),
        Member("unit_price", PRICE, required=True),
        Member(rate, PERCENT, "vat_rate", default=Decimal(21)),
    )
    return Records(members, minimum=1)


# Any: columns hold what their kinds say.
def line_money(line: Mapping[str, Any]) -> money.Line:
    """Return what a stored line is worth."""
    return money.Line(line["quantity"], line["unit_price"], line["vat_rate"])


def sums(lines: Iterable[Mapping[str, Any]]) -> money.Totals:
    """Return the sums over stored lines."""
    return money.totals(line_money(line) for line in lines)


def lines_of(shop: Shop, owner: str, owner_id: int) -> list[Values]:
    """Return the lines of a document, in order."""
    return shop.where(f"{owner}_line", **{f"{owner}_id": owner_id})


def put_lines(shop: Shop, owner: str, owner_id: int, lines: Iterable[Values]) -> None:
    """Give a document these lines and no others.

    Raises:
        Invalid: a line has a VAT rate that the garage does not have.
    """
    rows = [{name: line[name] for name in COPIED if name in line} for line in lines]
    check_rates(shop, rows)
    for old in lines_of(shop, owner, owner_id):
        shop.remove(f"{owner}_line", old["id"])
    shop.insert_all(f"{owner}_line", [row | {f"{owner}_id": owner_id} for row in rows])


def check_rates(shop: Shop, rows: Iterable[Values]) -> None:
    """Refuse VAT rates that are not among the garage's; raises ``Invalid``."""
    plant(shop, TAX_RATE)
    known = {row["rate"] for row in shop.where("tax_rate")}
    wrong = {row["vat_rate"] for row in rows if "vat_rate" in row} - known
    if wrong:
        have = ", ".join(f"{rate.normalize():f}" for rate in sorted(known))
        raise broken_rule(
            f"There is no VAT rate of {min(wrong).normalize():f} %. The rates are {have}."
        )
