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


#: Formats -> width and height in points, upright.
FORMATS = {"A4": (595.28, 841.89), "A3": (841.89, 1190.55), "Letter": (612.0, 792.0)}


@dataclass(frozen=True, slots=True)
class Layout:
    """How a paper is to look, where somebody asks for it.

    Attributes:
        format: one of :data:`FORMATS`.
        landscape: lying.
        header: with letterhead, and on later pages whose they are.
        footer: with the line at the bottom of every page.
        language: of the words that are no data (``wordings``).
    """

    format: str = "A4"
    landscape: bool = False
    header: bool = True
    footer: bool = True
    language: str = "en"

    @property
    def size(self) -> tuple[float, float]:
        """Width and height in points."""
        short, long = FORMATS[self.format]
        return (long, short) if self.landscape else (short, long)


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
        layout: how it is to look.
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
    layout: Layout = Layout()


def money(amount: Decimal) -> str:
    """Return an amount as people write it: ``€ 1.234,50``."""
    from babel.numbers import format_currency  # noqa: PLC0415 - for papers alone

    return str(format_currency(amount, CURRENCY, locale=LOCALE))


def day(value: date) -> str:
    """Return a date as people write it, whatever their language: ``20-11-2026``."""
    return f"{value:%d-%m-%Y}"
