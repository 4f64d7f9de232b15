"""Tickets that one provider asks another to serve."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, Select, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from gateway.domain.errors import Conflict
from gateway.storage.queries.page import Page, fetch_page
from gateway.storage.tables.partner import ticket_outsource
from gateway.storage.tables.tickets import ticket

#: States of the asking: it waits, is served, was served, or came to nothing.
PENDING, IN_PROGRESS, CLOSED, CANCELLED = "pending", "in_progress", "closed", "cancelled"


@dataclass(frozen=True, slots=True)
class Outsource:
    """One provider's request to another.

    Attributes:
        id: its name.
        ticket_id: number of the ticket.
        source_provider_id: who asks, and has the ticket.
        provider_id: who is to serve it.
        state: ``pending``, ``in_progress``, ``closed`` or ``cancelled``.
        operator_id: who serves it there.
        cancelled_reason: 0 unless cancelled there.
        created_at: UTC, like all times.
        assigned_at: an operator began.
        finished_at: closed or cancelled.
    """

    id: UUID
    ticket_id: int
    source_provider_id: int
    provider_id: int
    state: str
    operator_id: str | None
    cancelled_reason: int
    created_at: datetime
    assigned_at: datetime | None
    finished_at: datetime | None


def served_by(provider_id: int) -> ColumnElement[bool]:
    """Return the condition that a ticket is this provider's, or was given to it to serve."""
    given = select(ticket_outsource.c.ticket_id).where(
        ticket_outsource.c.ticket_id == ticket.c.id,
        ticket_outsource.c.provider_id == provider_id,
        ticket_outsource.c.state != CANCELLED,
    )
    return or_(ticket.c.provider_id == provider_id, given.exists())


def add(connection: Connection, new: Outsource) -> None:
    """Store a request.

    Raises:
        Conflict: the ticket is with another provider already.
    """
    values = {name: getattr(new, name) for name in Outsource.__dataclass_fields__}
    try:
        connection.execute(insert(ticket_outsource).values(values))
    except IntegrityError as error:
        told = str(error.orig)
        if "uq_ticket_outsource_held" in told or "ticket_outsource.ticket_id" in told:
            raise Conflict(
                "ticket.outsourced_already",
                "This ticket is with another provider already. Reclaim it first.",
            ) from error
        raise


def held(connection: Connection, ticket_id: int) -> Outsource | None:
    """Return the request of a ticket that has not come to nothing."""
    query = _outsources().where(
        ticket_outsource.c.ticket_id == ticket_id, ticket_outsource.c.state != CANCELLED
    )
    return _one(connection, query)


def find(connection: Connection, provider_id: int, uuid: UUID) -> Outsource | None:
    """Return a request that a provider made or got."""
    return _one(connection, _of(provider_id).where(ticket_outsource.c.id == uuid))


def of_provider(
    connection: Connection, provider_id: int, *, state: str | None, offset: int, limit: int
) -> Page[Outsource]:
    """Return what a provider asked of others and was asked, oldest first."""
    query = _of(provider_id)
    if state is not None:
        query = query.where(ticket_outsource.c.state == state)
    query = query.order_by(ticket_outsource.c.created_at, ticket_outsource.c.id)
    return fetch_page(connection, query, _outsource, offset=offset, limit=limit)


# Any: values of columns of different types.
def move(connection: Connection, current: Outsource, state: str, /, **changes: Any) -> None:
    """Take a request from the state it was read in to another.

    Raises:
        Conflict: somebody else moved it meanwhile.
    """
    moved = connection.execute(
        update(ticket_outsource)
        .where(ticket_outsource.c.id == current.id, ticket_outsource.c.state == current.state)
        .values(state=state, **changes)
    )
    if moved.rowcount != 1:
        raise Conflict(
            "ticket.changed", "The ticket was changed meanwhile. Read it again, then decide."
        )


# Any, here and below: a row's type is that of the columns selected.
def _outsources() -> Select[Any]:
    return select(ticket_outsource)


def _of(provider_id: int) -> Select[Any]:
    return _outsources().where(
        or_(
            ticket_outsource.c.provider_id == provider_id,
            ticket_outsource.c.source_provider_id == provider_id,
        )
    )


def _one(connection: Connection, query: Select[Any]) -> Outsource | None:
    row = connection.execute(query).one_or_none()
    return None if row is None else _outsource(row)


def _outsource(row: Row[Any]) -> Outsource:
    return Outsource(**{name: getattr(row, name) for name in Outsource.__dataclass_fields__})
