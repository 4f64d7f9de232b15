"""Services without an operator on record: what waits, what runs, how far it has come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, exists, insert, or_, select, update

from gateway.domain.ticket import TicketState
from gateway.storage.tables.tickets import ticket, ticket_line
from gateway.storage.tables.unattended import unattended_run

#: States of a run.
RUNNING, FINISHED, HANDED_OVER, STOPPED = "running", "finished", "handed_over", "stopped"


@dataclass(frozen=True, slots=True)
class Run:
    """A service without an operator, of one ticket.

    Attributes:
        ticket_id: which.
        state: ``running``, ``finished``, ``handed_over`` or ``stopped``.
        plan: hash of what is to be done.
        step: the one that is going, from 0; ``steps`` when all are done.
        steps: how many there are.
        label: what it does now, for people.
        results: what the finished steps found.
        memo: what was found before the going step changed anything.
        reason: why it did not come to its end.
        claimed_by: which gateway carries it out.
        claimed_until: when another one may take it over, UTC.
        created_at: UTC.
        updated_at: UTC.
        finished_at: UTC; ``None`` while running.
    """

    ticket_id: int
    state: str
    plan: str
    step: int
    steps: int
    label: str
    results: tuple[dict[str, Any], ...]  # JSON by nature: each kind of step tells other things
    memo: dict[str, Any]
    reason: str | None
    claimed_by: str
    claimed_until: datetime
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None = None


_NAMES = tuple(Run.__dataclass_fields__)


def waiting(connection: Connection, now: datetime, limit: int) -> tuple[int, ...]:
    """Return pending tickets all of whose lines need no operator, and which nobody took on yet."""
    attended = exists().where(
        ticket_line.c.ticket_id == ticket.c.id, ticket_line.c.is_unattended.is_(False)
    )
    unattended = exists().where(
        ticket_line.c.ticket_id == ticket.c.id, ticket_line.c.is_unattended.is_(True)
    )
    taken = exists().where(unattended_run.c.ticket_id == ticket.c.id)
    query = (
        select(ticket.c.id)
        .where(
            ticket.c.state == int(TicketState.PENDING),
            ticket.c.confirmed_unattended_service.is_(True),
            or_(ticket.c.held_until.is_(None), ticket.c.held_until <= now),
            ~taken,
            ~attended,
            unattended,
        )
        .order_by(ticket.c.id)
        .limit(limit)
    )
    return tuple(connection.execute(query).scalars())


def abandoned(connection: Connection, now: datetime, limit: int) -> tuple[int, ...]:
    """Return the tickets of runs whose gateway is gone."""
    query = (
        select(unattended_run.c.ticket_id)
        .where(unattended_run.c.state == RUNNING, unattended_run.c.claimed_until <= now)
        .order_by(unattended_run.c.ticket_id)
        .limit(limit)
    )
    return tuple(connection.execute(query).scalars())


def add(connection: Connection, run: Run) -> None:
    """Put a run on record."""
    values = {name: getattr(run, name) for name in _NAMES}
    connection.execute(insert(unattended_run).values(values | {"results": list(run.results)}))


def find(connection: Connection, ticket_id: int) -> Run | None:
    """Return the run of a ticket."""
    query = select(unattended_run).where(unattended_run.c.ticket_id == ticket_id)
    row = connection.execute(query).one_or_none()
    return None if row is None else _run(row)


def take_over(
    connection: Connection, ticket_id: int, who: str, until: datetime, now: datetime
) -> bool:
    """Claim an abandoned run; ``False`` when somebody was quicker."""
    claim = {"claimed_by": who, "claimed_until": until}
    return _change(connection, ticket_id, [unattended_run.c.claimed_until <= now], claim)


# Any: values of columns of different types.
def note(connection: Connection, ticket_id: int, who: str, **changes: Any) -> bool:
    """Write down how a run stands; ``False`` when it is somebody else's by now."""
    own = [unattended_run.c.claimed_by == who]
    return _change(connection, ticket_id, own, changes)


# Any: as above.
def _change(
    connection: Connection,
    ticket_id: int,
    conditions: list[ColumnElement[bool]],
    values: dict[str, Any],
) -> bool:
    changed = connection.execute(
        update(unattended_run)
        .where(
            unattended_run.c.ticket_id == ticket_id,
            unattended_run.c.state == RUNNING,
            *conditions,
        )
        .values(values)
    )
    return changed.rowcount == 1


# Any: a row's type is that of the columns selected.
def _run(row: Row[Any]) -> Run:
    values = {name: getattr(row, name) for name in _NAMES}
    return Run(**(values | {"results": tuple(row.results)}))
