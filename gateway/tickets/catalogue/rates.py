"""Bring exchange rates in: one file, added to what is known, all or nothing.

They change more often than anything else, so they are no sheet of the catalogue. A rate of a day
that is known already is replaced; older days stay, for they say what tickets cost then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from importlib.resources.abc import Traversable

import trio

from gateway.domain.catalogue import RateRow
from gateway.storage.database import Database
from gateway.storage.queries import rates
from gateway.storage.queries.rates import DatedRate
from gateway.tickets.catalogue.sheets import (
    CatalogueInvalid,
    Line,
    Problem,
    duplicates,
    read_sheet,
)

#: Between the weakest and the strongest currency there are some eight digits.
LARGEST_RATE = Decimal(1_000_000_000)

#: Decimal places that are kept.
PLACES = 8


async def import_rates(database: Database, file: Traversable) -> int:
    """Read a CSV file of rates, write all of them and return how many there are.

    Raises:
        CatalogueInvalid: something is wrong; nothing was written.
    """
    read = await trio.to_thread.run_sync(read_rates, file)
    return await database.write(rates.put, read)


def read_rates(file: Traversable) -> tuple[DatedRate, ...]:
    """Return the checked rates of a CSV file with columns base, currency, valid_from and rate.

    Raises:
        CatalogueInvalid: one or more cells or lines are wrong.
    """
    problems: list[Problem] = []
    lines = read_sheet(file, RateRow, problems)
    problems += duplicates(lines)
    problems += _wrong(lines)
    if problems:
        raise CatalogueInvalid(sorted(problems, key=lambda one: one.line))
    rows = (line.row for line in lines)
    return tuple(
        DatedRate(row.base, row.currency, row.valid_from, row.rate)
        for row in rows
        if isinstance(row, RateRow)
    )


def _wrong(lines: Iterable[Line]) -> Iterator[Problem]:
    for line in lines:
        row = line.row
        if not isinstance(row, RateRow):
            continue
        if row.base == row.currency:
            yield line.problem("currency", f"{row.currency} is the base itself")
        if not _is_rate(row.rate):
            wanted = f"above 0, at most {LARGEST_RATE}, with {PLACES} places at most"
            yield line.problem("rate", f"{row.rate} is no rate: {wanted}")


def _is_rate(value: Decimal) -> bool:
    if not value.is_finite() or not 0 < value <= LARGEST_RATE:
        return False
    return value == round(value, PLACES)
