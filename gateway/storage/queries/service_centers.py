"""A provider's service centre: whether it serves now, and which tickets wait for it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, select, update

from gateway.domain.ticket import TicketState
from gateway.storage.tables.identity import service_provider
from gateway.storage.tables.tickets import ticket


def set_open(connection: Connection, provider_id: int, *, is_open: bool) -> None:
    """Open or close a service centre; a schedule ends with that."""
    connection.execute(
        update(service_provider)
        .where(service_provider.c.id == provider_id)
        .values(
            is_open=is_open,
            scheduler_enabled=False,
            scheduler_message=None,
            scheduler_active_until=None,
        )
    )


def schedule(connection: Connection, provider_id: int, until: datetime, message: str) -> None:
    """Hold what is ordered until a moment, after which the service centre is open."""
    connection.execute(
        update(service_provider)
        .where(service_provider.c.id == provider_id)
        .values(
            is_open=True,
            scheduler_enabled=True,
            scheduler_message=message,
            scheduler_active_until=until,
        )
    )


def hold(connection: Connection, provider_id: int, until: datetime) -> None:
    """Move the end of the wait of all tickets of a provider that are held."""
    connection.execute(
        update(ticket)
        .where(ticket.c.provider_id == provider_id, _is_held())
        .values(held_until=until)
    )


def held_tickets(connection: Connection, provider_id: int) -> tuple[int, ...]:
    """Return the ids of a provider's held tickets, in the order they were ordered."""
    query = select(ticket.c.id).where(ticket.c.provider_id == provider_id, _is_held())
    return tuple(connection.execute(query.order_by(ticket.c.id)).scalars())


def due_tickets(connection: Connection, now: datetime, most: int) -> tuple[int, ...]:
    """Return the ids of held tickets whose wait is over, at most ``most``."""
    query = select(ticket.c.id).where(_is_held(), ticket.c.held_until <= now)
    return tuple(connection.execute(query.order_by(ticket.c.id).limit(most)).scalars())


def _is_held() -> ColumnElement[bool]:
    return (ticket.c.state == int(TicketState.PENDING)) & ticket.c.held_until.is_not(None)
