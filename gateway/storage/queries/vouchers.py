"""Vouchers: what a code is worth, and how often it was used."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, or_, select, update

from gateway.domain.money import Reduction, ReductionKind
from gateway.storage.tables.catalogue import voucher, voucher_product


@dataclass(frozen=True, slots=True)
class Voucher:
    """A code that takes something off an order.

    Attributes:
        id: row id.
        code: what the customer types, upper case.
        reduction: what it takes off.
        currency: the only currency an absolute one counts in.
        valid_from: first day.
        valid_until: first day on which it no longer holds, ``None`` is open.
        uses_left: orders it can still be used for, ``None`` is any number.
        product_ids: the only products it counts for; empty is all.
    """

    id: int
    code: str
    reduction: Reduction
    currency: str | None
    valid_from: date
    valid_until: date | None
    uses_left: int | None
    product_ids: frozenset[int]


def find(connection: Connection, code: str) -> Voucher | None:
    """Return the voucher with this code (any case), valid or not."""
    row = connection.execute(
        select(voucher).where(voucher.c.code == code.strip().upper())
    ).one_or_none()
    if row is None:
        return None
    products = select(voucher_product.c.product_id).where(voucher_product.c.voucher_id == row.id)
    return Voucher(
        id=row.id,
        code=row.code,
        reduction=Reduction(ReductionKind(row.kind), row.value, row.description),
        currency=row.currency,
        valid_from=row.valid_from,
        valid_until=row.valid_until,
        uses_left=None if row.use_limit is None else row.use_limit - row.used,
        product_ids=frozenset(connection.execute(products).scalars()),
    )


def use(connection: Connection, voucher_id: int) -> bool:
    """Count one use; False when none is left, also when another order was quicker."""
    counted = connection.execute(
        update(voucher)
        .where(
            voucher.c.id == voucher_id,
            or_(voucher.c.use_limit.is_(None), voucher.c.used < voucher.c.use_limit),
        )
        .values(used=voucher.c.used + 1)
    )
    return counted.rowcount == 1


def give_back(connection: Connection, voucher_id: int) -> None:
    """Take one use back: the order it was for will not be carried out."""
    connection.execute(
        update(voucher)
        .where(voucher.c.id == voucher_id, voucher.c.used > 0)
        .values(used=voucher.c.used - 1)
    )
