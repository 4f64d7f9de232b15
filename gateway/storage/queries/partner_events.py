"""What service providers are told, kept in order so that they can ask for what they missed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, delete, func, insert, select

from gateway.storage.queries.events import APPENDED
from gateway.storage.tables.partner import partner_event


@dataclass(frozen=True, slots=True)
class PartnerEvent:
    """One thing a provider is told.

    Attributes:
        provider_id: whom.
        type: dotted name.
        occurred_at: UTC.
        payload: JSON-ready.
        position: place among all events; 0 while not stored.
    """

    provider_id: int
    type: str
    occurred_at: datetime
    payload: dict[str, Any]  # JSON by nature
    position: int = 0


def add(connection: Connection, event: PartnerEvent) -> None:
    """Store an event; whoever waits for events is woken when this transaction is done."""
    connection.execute(
        insert(partner_event).values(
            provider_id=event.provider_id,
            type=event.type,
            occurred_at=event.occurred_at,
            payload=event.payload,
        )
    )
    connection.info[APPENDED] = True


@dataclass(frozen=True, slots=True)
class Behind:
    """Which events of a provider.

    Attributes:
        after: position of the last one that is known.
        occurred_after: only later ones.
        type: only of this type.
    """

    after: int = 0
    occurred_after: datetime | None = None
    type: str | None = None


def of_provider(
    connection: Connection, provider_id: int, wanted: Behind, limit: int
) -> tuple[PartnerEvent, ...]:
    """Return a provider's events, oldest first."""
    query = _events(provider_id, wanted).order_by(partner_event.c.position).limit(limit)
    return tuple(
        PartnerEvent(row.provider_id, row.type, row.occurred_at, row.payload, row.position)
        for row in connection.execute(query)
    )


def count(connection: Connection, provider_id: int, wanted: Behind) -> int:
    """Return how many events of a provider there are."""
    query = select(func.count()).select_from(_events(provider_id, wanted).subquery())
    return connection.execute(query).scalar_one()


# Any: a row's type is that of the columns selected.
def _events(provider_id: int, wanted: Behind) -> Select[Any]:
    query: Select[Any] = select(partner_event).where(
        partner_event.c.provider_id == provider_id, partner_event.c.position > wanted.after
    )
    if wanted.occurred_after is not None:
        query = query.where(partner_event.c.occurred_at > wanted.occurred_after)
    if wanted.type is not None:
        query = query.where(partner_event.c.type == wanted.type)
    return query


def last_position(connection: Connection) -> int:
    """Return the position of the newest event of all providers, 0 when there is none."""
    newest: int | None = connection.execute(
        select(func.max(partner_event.c.position))
    ).scalar_one()
    return newest or 0


def first_position(connection: Connection) -> int:
    """Return the position of the oldest event that is kept, 0 when there is none."""
    oldest: int | None = connection.execute(
        select(func.min(partner_event.c.position))
    ).scalar_one()
    return oldest or 0


def concerned(connection: Connection, after: int) -> tuple[int, frozenset[int]]:
    """Return the newest position, and the providers that have events behind ``after``."""
    rows = connection.execute(
        select(partner_event.c.provider_id, func.max(partner_event.c.position).label("newest"))
        .where(partner_event.c.position > after)
        .group_by(partner_event.c.provider_id)
    ).all()
    newest = max((row.newest for row in rows), default=after)
    return newest, frozenset(row.provider_id for row in rows)


def prune(connection: Connection, keep: int) -> int:
    """Delete all but the newest ``keep`` positions; return how many went."""
    beyond = last_position(connection) - keep
    return connection.execute(
        delete(partner_event).where(partner_event.c.position <= beyond)
    ).rowcount
