"""Exchange rates: what a currency is worth in another from a day on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from sqlalchemy import Connection, delete, insert, select

from gateway.domain.money import Rate
from gateway.storage.tables.catalogue import exchange_rate


@dataclass(frozen=True, slots=True)
class DatedRate:
    """One unit of ``base`` is worth ``rate`` of ``currency`` from ``valid_from`` on."""

    base: str
    currency: str
    valid_from: date
    rate: Decimal


def rate_on(connection: Connection, base: str, currency: str, day: date) -> Rate | None:
    """Return the newest rate that holds on ``day``, ``None`` before the first."""
    value = connection.execute(
        select(exchange_rate.c.rate)
        .where(
            exchange_rate.c.base == base,
            exchange_rate.c.currency == currency,
            exchange_rate.c.valid_from <= day,
        )
        .order_by(exchange_rate.c.valid_from.desc())
        .limit(1)
    ).scalar_one_or_none()
    return None if value is None else Rate(currency, value)


def put(connection: Connection, rates: Iterable[DatedRate]) -> int:
    """Add rates; one of the same currencies and day is replaced. Return how many were put."""
    table, count = exchange_rate, 0
    for one in rates:
        connection.execute(
            delete(table).where(
                table.c.base == one.base,
                table.c.currency == one.currency,
                table.c.valid_from == one.valid_from,
            )
        )
        connection.execute(
            insert(table).values(
                base=one.base,
                currency=one.currency,
                valid_from=one.valid_from,
                rate=one.rate,
            )
        )
        count += 1
    return count
