"""Bring a price list in: one file of prices for products that are known, all or nothing.

A list adds to the prices there are; where two overlap the one that began later holds, so that a
new list needs no end of the old one. A price of the same product, currency and day is replaced.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.resources.abc import Traversable

import trio

from gateway.domain.catalogue import PriceRow
from gateway.storage.database import Connection, Database
from gateway.storage.queries import price_lists
from gateway.tickets.catalogue.importer import wrong_amount, wrong_span
from gateway.tickets.catalogue.sheets import (
    CatalogueInvalid,
    Line,
    Problem,
    duplicates,
    read_sheet,
)


async def import_prices(database: Database, file: Traversable) -> int:
    """Read a CSV file like ``prices.csv`` of a catalogue; return how many prices it has.

    Raises:
        CatalogueInvalid: something is wrong; nothing was written.
    """
    lines = await trio.to_thread.run_sync(read_prices, file)
    return await database.write(_write, lines)


def read_prices(file: Traversable) -> tuple[Line, ...]:
    """Return the lines of a price list, each a ``PriceRow`` that is right in itself.

    Raises:
        CatalogueInvalid: one or more cells or lines are wrong.
    """
    problems: list[Problem] = []
    lines = read_sheet(file, PriceRow, problems)
    problems += duplicates(lines)
    for line in lines:
        found = (*wrong_span(line.row), *wrong_amount(line.row))
        problems += (line.problem(column, reason) for column, reason in found)
    if problems:
        raise CatalogueInvalid(sorted(problems, key=lambda one: one.line))
    return tuple(lines)


def _write(connection: Connection, lines: tuple[Line, ...]) -> int:
    known = price_lists.product_ids(connection)
    unknown = list(_unknown(lines, known.keys()))
    if unknown:
        raise CatalogueInvalid(unknown)
    rows = [line.row for line in lines if isinstance(line.row, PriceRow)]
    price_lists.put(connection, [(known[row.item_number], row) for row in rows])
    return len(rows)


def _unknown(lines: Iterable[Line], known: Iterable[str]) -> Iterator[Problem]:
    numbers = frozenset(known)
    for line in lines:
        if isinstance(line.row, PriceRow) and line.row.item_number not in numbers:
            yield line.problem("item_number", f"there is no product {line.row.item_number!r}")
