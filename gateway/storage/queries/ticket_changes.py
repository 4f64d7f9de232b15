"""Write tickets and move them from state to state; each change leaves a step in their history."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, delete, insert, update
from sqlalchemy.exc import IntegrityError

from gateway.domain.errors import Conflict
from gateway.domain.ticket import TicketState
from gateway.storage.queries.ticket_records import (
    Answer,
    LineDiscount,
    Note,
    Step,
    Ticket,
    TicketLine,
)
from gateway.storage.queries.tickets import PLAIN_COLUMNS, find
from gateway.storage.tables.tickets import (
    ticket,
    ticket_answer,
    ticket_event,
    ticket_line,
    ticket_note,
)


def add(connection: Connection, new: Ticket, answers: Sequence[Answer], step: Step) -> Ticket:
    """Store a ticket with its lines, answers and first step; return it with its number.

    Raises:
        Conflict: the connector already has an open ticket.
    """
    with _one_open_ticket():
        added = connection.execute(insert(ticket).values(_columns(new)).returning(ticket.c.id))
    ticket_id: int = added.scalar_one()
    _add_contents(connection, ticket_id, new.lines, answers)
    _record(connection, ticket_id, None, step)
    return _require(connection, ticket_id)


def order_prepared(
    connection: Connection, old: Ticket, new: Ticket, answers: Sequence[Answer], step: Step
) -> Ticket:
    """Turn the prepared ticket ``old`` into the order ``new``; it keeps its number and UUID.

    Raises:
        Conflict: the connector already has an open ticket, or ``old`` was ordered meanwhile.
    """
    columns = _columns(new)
    for name in ("uuid", "state", "updated_at"):
        del columns[name]
    # The state first: of two orders side by side, one stops here, with nothing else written.
    with _one_open_ticket():
        move(connection, old, step, **columns)
    connection.execute(delete(ticket_line).where(ticket_line.c.ticket_id == old.id))
    _add_contents(connection, old.id, new.lines, answers)
    return _require(connection, old.id)


# Any: values of columns of different types.
def move(connection: Connection, current: Ticket, step: Step, /, **changes: Any) -> Ticket:
    """Take a ticket from the state it was read in to ``step.to_state``.

    Raises:
        Conflict: somebody else moved it meanwhile.
    """
    moved = connection.execute(
        update(ticket)
        .where(ticket.c.id == current.id, ticket.c.state == int(current.state))
        .values(state=int(step.to_state), updated_at=step.at, **changes)
    )
    if moved.rowcount != 1:
        raise Conflict(
            "ticket.changed", "The ticket was changed meanwhile. Read it again, then decide."
        )
    _record(connection, current.id, current.state, step)
    return _require(connection, current.id)


def release(connection: Connection, ticket_id: int, step: Step) -> Ticket | None:
    """Let a held ticket go; ``None`` when it is not held, or somebody else was quicker."""
    released = connection.execute(
        update(ticket)
        .where(
            ticket.c.id == ticket_id,
            ticket.c.state == int(step.to_state),
            ticket.c.held_until.is_not(None),
        )
        .values(held_until=None, updated_at=step.at)
    )
    if released.rowcount != 1:
        return None
    _record(connection, ticket_id, step.to_state, step)
    return _require(connection, ticket_id)


def add_note(connection: Connection, note: Note) -> None:
    """Write a note on a ticket."""
    connection.execute(
        insert(ticket_note).values(
            id=note.id,
            ticket_id=note.ticket_id,
            author=note.author,
            value=note.value,
            created_at=note.created_at,
            updated_at=note.updated_at,
        )
    )


def score(connection: Connection, ticket_id: int, value: float, comment: str | None) -> None:
    """Set the satisfaction score and comment of a ticket."""
    connection.execute(
        update(ticket)
        .where(ticket.c.id == ticket_id)
        .values(csat_score=value, csat_comment=comment)
    )


def connector_busy() -> Conflict:
    """Return the refusal of a second ticket on a connector."""
    return Conflict(
        "ticket.connector_busy",
        "This connector already has an open ticket. Wait until it is closed, or use another "
        "connector.",
        field="connector_id",
    )


@contextmanager
def _one_open_ticket() -> Iterator[None]:
    try:
        yield
    except IntegrityError as error:
        # PostgreSQL names the index over connectors of open tickets, SQLite its column.
        told = str(error.orig)
        if "uq_ticket_open_connector" in told or "ticket.connector_id" in told:
            raise connector_busy() from error
        raise


# Any: values of columns of different types.
def _columns(new: Ticket) -> dict[str, Any]:
    values = {name: getattr(new, name) for name in PLAIN_COLUMNS}
    return values | {"state": int(new.state), "vehicle": list(new.vehicle)}


def _add_contents(
    connection: Connection,
    ticket_id: int,
    lines: Sequence[TicketLine],
    answers: Sequence[Answer],
) -> None:
    _add_lines(connection, ticket_id, lines)
    if not answers:
        return
    connection.execute(
        insert(ticket_answer),
        [
            {
                "ticket_id": ticket_id,
                "prerequisite_id": answer.prerequisite_id,
                "question": answer.question,
                "value": answer.value,
            }
            for answer in answers
        ],
    )


def _add_lines(connection: Connection, ticket_id: int, lines: Sequence[TicketLine]) -> None:
    if not lines:
        return
    connection.execute(
        insert(ticket_line),
        [
            {
                "ticket_id": ticket_id,
                "position": position,
                "product_id": line.product_id,
                "item_number": line.item_number,
                "name": line.name,
                "description": line.description,
                "is_unattended": line.is_unattended,
                "quantity": line.quantity,
                "gross": line.gross,
                "net": line.net,
                "service_fee": line.service_fee,
                "discounts": [_discount_to_json(one) for one in line.discounts],
            }
            for position, line in enumerate(lines)
        ],
    )


def _record(
    connection: Connection, ticket_id: int, from_state: TicketState | None, step: Step
) -> None:
    connection.execute(
        insert(ticket_event).values(
            ticket_id=ticket_id,
            type=step.type,
            from_state=None if from_state is None else int(from_state),
            to_state=int(step.to_state),
            actor=step.actor,
            occurred_at=step.at,
        )
    )


def _discount_to_json(one: LineDiscount) -> dict[str, str | None]:
    percentage = None if one.percentage is None else str(one.percentage)
    return {
        "description": one.description,
        "kind": one.kind.value,
        "percentage": percentage,
        "amount": str(one.amount),
    }


def _require(connection: Connection, ticket_id: int) -> Ticket:
    stored = find(connection, ticket_id)
    if stored is None:
        raise LookupError(f"ticket {ticket_id} vanished within its transaction")
    return stored
