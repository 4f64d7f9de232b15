"""Add prices to products that are known."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, delete, insert, select

from gateway.domain.catalogue import PriceRow
from gateway.storage.tables.catalogue import product, product_price


def product_ids(connection: Connection) -> dict[str, int]:
    """Return the id of every product that is offered, by its item number."""
    rows = connection.execute(select(product.c.item_number, product.c.id).where(product.c.enabled))
    return {row.item_number: row.id for row in rows}


def put(connection: Connection, prices: Iterable[tuple[int, PriceRow]]) -> None:
    """Add prices by product id; one of the same product, currency and day is replaced."""
    table = product_price
    for product_id, row in prices:
        connection.execute(
            delete(table).where(
                table.c.product_id == product_id,
                table.c.currency == row.currency,
                table.c.valid_from == row.valid_from,
            )
        )
        connection.execute(
            insert(table).values(
                product_id=product_id,
                currency=row.currency,
                gross=row.gross,
                valid_from=row.valid_from,
                valid_until=row.valid_until,
            )
        )
