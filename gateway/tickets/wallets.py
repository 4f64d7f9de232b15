"""Paying ahead: tickets are charged when they are ordered, and given back when cancelled.

A garage pays from its wallet where its provider keeps wallets and takes payment from them. The
balance never goes below zero, or below the overdraft that was agreed.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from gateway.domain.errors import Conflict, Invalid, NotFound
from gateway.domain.money import cents
from gateway.storage.database import Connection
from gateway.storage.queries import identity, wallets
from gateway.storage.queries.ticket_records import Ticket
from gateway.storage.queries.wallets import Movement, MovementKind, Wallet
from gateway.tickets.garages import Garage

#: Largest single payment; what is beyond is a slip of the finger.
LARGEST_PAYMENT = Decimal(10_000_000)

LONGEST_REFERENCE = 255


class BalanceState(StrEnum):
    """How a balance looks at a glance; only the first is known from outside."""

    HEALTHY = "healthy"
    EMPTY = "empty"
    OVERDRAWN = "overdrawn"


def balance_state(wallet: Wallet) -> BalanceState:
    """Return how a wallet looks."""
    if wallet.balance > 0:
        return BalanceState.HEALTHY
    return BalanceState.OVERDRAWN if wallet.balance < 0 else BalanceState.EMPTY


def charge(
    connection: Connection, garage: Garage, ticket: Ticket, actor: str, now: datetime
) -> None:
    """Take what a new ticket costs from the garage's wallet, where it pays that way.

    Raises:
        Conflict: the balance does not suffice.
    """
    provider = garage.provider
    if not (provider.has_prepaid_wallet and provider.payment_by_prepaid_balance and ticket.total):
        return
    movement = Movement(
        MovementKind.CHARGE, -ticket.total, f"Ticket {ticket.id}", actor, now, ticket.id
    )
    if not wallets.move(connection, ticket.tenant_id, movement):
        raise Conflict(
            "wallet.insufficient",
            f"Your prepaid balance does not cover {ticket.total} {ticket.currency}. Pay in at "
            "your service provider, then order again.",
        )


def give_back(connection: Connection, ticket: Ticket, actor: str, now: datetime) -> None:
    """Return what was taken for a ticket that will not be carried out."""
    taken = wallets.charged(connection, ticket.id)
    if taken:
        movement = Movement(
            MovementKind.REFUND, taken, f"Ticket {ticket.id} cancelled", actor, now, ticket.id
        )
        wallets.move(connection, ticket.tenant_id, movement)


def pay_in(connection: Connection, tenant_id: int, movement: Movement) -> Wallet:
    """Write down a payment, or a correction of one, and return the wallet after it.

    Raises:
        Invalid: the amount is nothing, has fractions of a cent, or is impossibly large.
        NotFound: there is no such garage.
        Conflict: a correction would take the balance below what is allowed.
    """
    amount = movement.amount
    possible = amount.is_finite() and 0 < abs(amount) <= LARGEST_PAYMENT
    if not possible or amount != cents(amount):
        detail = f"The amount must be in whole cents, and not beyond {LARGEST_PAYMENT}."
        raise Invalid("wallet.amount_invalid", detail, field="amount")
    if amount < 0 and movement.kind is MovementKind.PAYMENT:
        detail = "A payment is positive. Write a correction to take something off."
        raise Invalid("wallet.amount_invalid", detail, field="amount")
    if len(movement.reference) > LONGEST_REFERENCE:
        detail = f"Keep the reference within {LONGEST_REFERENCE} characters."
        raise Invalid("wallet.reference_too_long", detail, field="reference")
    _require_garage(connection, tenant_id)
    if not wallets.move(connection, tenant_id, movement):
        detail = "The balance would go below what is allowed. Allow an overdraft first."
        raise Conflict("wallet.insufficient", detail)
    return wallets.find(connection, tenant_id)


def allow_overdraft(connection: Connection, tenant_id: int, overdraft: Decimal) -> Wallet:
    """Set how far below zero a garage's balance may go.

    Raises:
        Invalid: it is no amount.
        NotFound: there is no such garage.
        Conflict: the balance is lower already.
    """
    possible = overdraft.is_finite() and 0 <= overdraft <= LARGEST_PAYMENT
    if not possible or overdraft != cents(overdraft):
        detail = f"The overdraft must be an amount from 0 to {LARGEST_PAYMENT}, in whole cents."
        raise Invalid("wallet.overdraft_invalid", detail, field="overdraft")
    _require_garage(connection, tenant_id)
    if not wallets.allow_overdraft(connection, tenant_id, overdraft):
        detail = "The balance is below that already. Wait for a payment first."
        raise Conflict("wallet.overdrawn", detail)
    return wallets.find(connection, tenant_id)


def _require_garage(connection: Connection, tenant_id: int) -> None:
    if identity.find_tenant(connection, tenant_id) is None:
        raise NotFound("tenant.unknown", f"There is no garage {tenant_id}. List them first.")
