"""Wallets: what garages have paid ahead, and the ledger of every movement."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from gateway.domain.money import ZERO
from gateway.storage.queries.page import Page, fetch_page
from gateway.storage.tables.wallets import wallet, wallet_movement


class MovementKind(StrEnum):
    """Why a balance changed."""

    PAYMENT = "payment"
    CORRECTION = "correction"
    CHARGE = "charge"
    REFUND = "refund"


@dataclass(frozen=True, slots=True)
class Wallet:
    """What a garage has.

    Attributes:
        balance: in the garage's currency.
        overdraft: how far below zero it may go.
    """

    balance: Decimal = ZERO
    overdraft: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Movement:
    """One change of a balance.

    Attributes:
        kind: why.
        amount: what came in; negative when it went out.
        reference: whoever moved it in their own words, at most 255 characters.
        actor: ``user:UUID``, ``operator:CLIENT`` or ``cli:NAME``.
        at: UTC.
        ticket_id: the ticket it is about, where there is one.
        balance: what the balance was afterwards; 0 while not stored.
    """

    kind: MovementKind
    amount: Decimal
    reference: str
    actor: str
    at: datetime
    ticket_id: int | None = None
    balance: Decimal = ZERO


def find(connection: Connection, tenant_id: int) -> Wallet:
    """Return a garage's wallet; an empty one where nothing was ever paid in."""
    row = connection.execute(
        select(wallet.c.balance, wallet.c.overdraft).where(wallet.c.tenant_id == tenant_id)
    ).one_or_none()
    return Wallet() if row is None else Wallet(row.balance, row.overdraft)


def move(connection: Connection, tenant_id: int, movement: Movement) -> bool:
    """Change the balance and write the movement down; False when it would go too low.

    The balance is compared and changed by one statement, so that two movements side by side
    cannot both spend the same money.
    """
    _open(connection, tenant_id)
    after = wallet.c.balance + movement.amount
    balance = connection.execute(
        update(wallet)
        .where(wallet.c.tenant_id == tenant_id, after >= 0 - wallet.c.overdraft)
        .values(balance=after)
        .returning(wallet.c.balance)
    ).scalar_one_or_none()
    if balance is None:
        return False
    connection.execute(
        insert(wallet_movement).values(
            tenant_id=tenant_id,
            kind=movement.kind.value,
            amount=movement.amount,
            balance=balance,
            ticket_id=movement.ticket_id,
            reference=movement.reference,
            actor=movement.actor,
            at=movement.at,
        )
    )
    return True


def allow_overdraft(connection: Connection, tenant_id: int, overdraft: Decimal) -> bool:
    """Set how far below zero a balance may go; False when it is lower already."""
    _open(connection, tenant_id)
    changed = connection.execute(
        update(wallet)
        .where(wallet.c.tenant_id == tenant_id, wallet.c.balance >= -overdraft)
        .values(overdraft=overdraft)
    )
    return changed.rowcount == 1


def charged(connection: Connection, ticket_id: int) -> Decimal:
    """Return what was taken for a ticket, 0 where nothing was."""
    amount = connection.execute(
        select(wallet_movement.c.amount).where(
            wallet_movement.c.ticket_id == ticket_id,
            wallet_movement.c.kind == MovementKind.CHARGE.value,
        )
    ).scalar_one_or_none()
    return ZERO if amount is None else -amount


def movements(
    connection: Connection, tenant_id: int, *, offset: int, limit: int
) -> Page[Movement]:
    """Return a garage's movements, newest first."""
    query = (
        select(wallet_movement)
        .where(wallet_movement.c.tenant_id == tenant_id)
        .order_by(wallet_movement.c.id.desc())
    )
    return fetch_page(
        connection,
        query,
        lambda row: Movement(
            kind=MovementKind(row.kind),
            amount=row.amount,
            reference=row.reference,
            actor=row.actor,
            at=row.at,
            ticket_id=row.ticket_id,
            balance=row.balance,
        ),
        offset=offset,
        limit=limit,
    )


def _open(connection: Connection, tenant_id: int) -> None:
    known = select(wallet.c.tenant_id).where(wallet.c.tenant_id == tenant_id)
    if connection.execute(known).first() is not None:
        return
    # Two first movements at once: the later one meets the key, and goes on with that row.
    with suppress(IntegrityError), connection.begin_nested():
        connection.execute(
            insert(wallet).values(tenant_id=tenant_id, balance=ZERO, overdraft=ZERO)
        )
