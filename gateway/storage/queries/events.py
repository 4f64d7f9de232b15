"""The outbox and how far its readers have come.

An event is appended in the transaction that makes it true, so that it exists if and only if the
change does. Readers ask for what comes after a position they know.
"""

from __future__ import annotations

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from gateway.domain.events import Event
from gateway.storage.tables.events import outbox, outbox_consumer

#: Set on a connection whose transaction appended; ``Database.write`` takes it off after commit.
APPENDED = "outbox_appended"

#: Any fixed number: the lock that makes PostgreSQL commit events in the order of their positions.
_APPEND_LOCK = 0x6F7574626F78


def append(connection: Connection, event: Event) -> int:
    """Store ``event`` in the caller's transaction and return its position.

    Positions become visible in ascending order: a reader that has seen N never misses a smaller
    one. SQLite has a single writer; PostgreSQL has many, so there writers of events queue from
    here to their commit.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_APPEND_LOCK)))
    result = connection.execute(
        insert(outbox)
        .values(
            type=event.type,
            subject=event.subject,
            tenant_id=event.tenant_id,
            payload=event.payload,
            occurred_at=event.occurred_at,
        )
        .returning(outbox.c.position)
    )
    connection.info[APPENDED] = True
    return int(result.scalar_one())


def after(connection: Connection, position: int, limit: int = 100) -> tuple[Event, ...]:
    """Return up to ``limit`` events behind ``position``, oldest first."""
    rows = connection.execute(
        select(outbox).where(outbox.c.position > position).order_by(outbox.c.position).limit(limit)
    )
    return tuple(_event(row) for row in rows)


def last_position(connection: Connection) -> int:
    """Return the position of the newest event, 0 when there is none."""
    newest: int | None = connection.execute(select(func.max(outbox.c.position))).scalar_one()
    return newest or 0


def consumer_position(connection: Connection, name: str) -> int:
    """Return how far the consumer ``name`` has come, 0 when it never ran.

    In a write transaction this also keeps another node from handling the same event: the row is
    locked until commit where the engine locks rows.
    """
    position: int | None = connection.execute(
        select(outbox_consumer.c.position).where(outbox_consumer.c.name == name).with_for_update()
    ).scalar_one_or_none()
    return position or 0


def ensure_consumer(connection: Connection, name: str) -> int:
    """Make the row of consumer ``name`` if it is new, and return how far it has come.

    A new consumer begins at the first event that is still kept.
    """
    known: int | None = connection.execute(
        select(outbox_consumer.c.position).where(outbox_consumer.c.name == name)
    ).scalar_one_or_none()
    if known is not None:
        return known
    connection.execute(insert(outbox_consumer).values(name=name, position=0))
    return 0


def advance(connection: Connection, name: str, position: int) -> None:
    """Record that consumer ``name`` is done with everything up to ``position``.

    Raises:
        LookupError: the consumer was never made known by :func:`ensure_consumer`.
    """
    result = connection.execute(
        update(outbox_consumer)
        .where(outbox_consumer.c.name == name, outbox_consumer.c.position <= position)
        .values(position=position)
    )
    if result.rowcount != 1:
        raise LookupError(f"consumer {name!r} is unknown or already past {position}")


def prune(connection: Connection, keep: int) -> int:
    """Delete what every consumer has handled, except the newest ``keep``; return the count."""
    slowest = connection.execute(select(func.min(outbox_consumer.c.position))).scalar_one()
    newest = last_position(connection)
    limit = newest - keep if slowest is None else min(newest - keep, slowest)
    return connection.execute(delete(outbox).where(outbox.c.position <= limit)).rowcount


# Row is generic in its tuple type, which a whole-table select does not tell.
def _event(row: Row[tuple[object, ...]]) -> Event:
    return Event(
        type=row.type,
        subject=row.subject,
        tenant_id=row.tenant_id,
        payload=row.payload,
        occurred_at=row.occurred_at,
        position=row.position,
    )
