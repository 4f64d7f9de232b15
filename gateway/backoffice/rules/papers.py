"""What papers say: invoices, quotations, credit notes and price contracts as plain records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from gateway.backoffice.rules.money import Totals

#: The books' country decides how numbers look.
LOCALE, CURRENCY = "nl_NL", "EUR"


@dataclass(frozen=True, slots=True)
class Paper:
    """A document on its way to the printer.

    Attributes:
        title: ``Invoice INV-2026-0001``.
        garage: name of the one who writes.
        addressee: name, address, place, VAT number; empty lines are left out.
        facts: label and value, above the lines.
        lines: description, quantity, unit price and VAT rate.
        totals: sums over them; ``None`` for papers without amounts.
        notes: below.
        watermark: across the page, for what does not count yet.
        signature: PNG.
        letterhead: the writer's address, at the top right of the first page.
        foot: at the bottom of every page: where to pay, and by which numbers the writer is known.
    """

    title: str
    garage: str
    addressee: tuple[str, ...]
    facts: tuple[tuple[str, str], ...] = ()
    lines: tuple[Mapping[str, Any], ...] = ()  # Any: columns hold what their kinds say
    totals: Totals | None = None
    notes: str = ""
    watermark: str = ""
    signature: bytes = field(default=b"", repr=False)
    letterhead: tuple[str, ...] = ()
    foot: str = ""


def money(amount: Decimal) -> str:
    """Return an amount as people write it: ``€ 1.234,50``."""
    from babel.numbers import format_currency  # noqa: PLC0415 - for papers alone

    return str(format_currency(amount, CURRENCY, locale=LOCALE))


def day(value: date) -> str:
    """Return a date as people write it, whatever their language: ``20-11-2026``."""
    return f"{value:%d-%m-%Y}"
