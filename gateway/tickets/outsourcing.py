"""Tickets that another provider serves: given to it, taken back, and what it does with them.

    pending, in progress ──outsource──► outsourced ──close──► closed
             ▲                             │  │ begin: served there
             └── reclaim (not begun yet) ──┤  ▼
             └── cancel by who has it ─────┴──

The ticket stays that of the provider who has it, and the garage notices nothing but who talks to
it. Every function runs in a transaction; where a ticket is not outsourced, what is not said here
goes on to :mod:`gateway.tickets.life`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from gateway.domain.errors import Conflict, Invalid, NotFound
from gateway.domain.events import Event
from gateway.domain.principal import OperatorPrincipal
from gateway.domain.ticket import TicketState
from gateway.storage.database import Connection
from gateway.storage.queries import events, identity, outsources, ticket_changes, tickets
from gateway.storage.queries.outsources import Outsource
from gateway.storage.queries.ticket_records import Step, Ticket
from gateway.tickets import life
from gateway.tickets.events import ticket_event
from gateway.tickets.life import Report, actor_of, require_own, step_to
from gateway.tickets.withdrawal import withdraw

#: Reason of what its own provider took back: the reasons are numbers of providers, from 1.
RECLAIMED = 0


def outsource(
    connection: Connection,
    operator: OperatorPrincipal,
    ticket_id: int,
    provider_id: int,
    now: datetime,
) -> tuple[Ticket, Outsource]:
    """Ask another provider to serve a ticket that waits, or that the operator serves.

    Raises:
        Invalid: there is no such provider, or it is the operator's own.
        NotFound: the operator's provider has no such ticket.
        Conflict: another operator has it, or it is neither pending nor in service.
    """
    ticket = _require_had(connection, operator, ticket_id)
    step = step_to(ticket, "outsourced", TicketState.OUTSOURCED, operator, now)
    if ticket.state is TicketState.IN_PROGRESS:
        require_own(ticket, operator)
    _check_provider(connection, operator, provider_id)
    asked = Outsource(
        id=uuid4(),
        ticket_id=ticket.id,
        source_provider_id=ticket.provider_id,
        provider_id=provider_id,
        state=outsources.PENDING,
        operator_id=None,
        cancelled_reason=0,
        created_at=now,
        assigned_at=None,
        finished_at=None,
    )
    outsources.add(connection, asked)
    changes = {"operator_id": None, "started_at": None, "held_until": None}
    return _move(connection, ticket, step, changes, asked), asked


def reclaim(
    connection: Connection, operator: OperatorPrincipal, ticket_id: int, now: datetime
) -> Ticket:
    """Take a ticket back that was given away and not begun; it waits again.

    Raises:
        NotFound: the operator's provider has no such ticket.
        Conflict: it is not outsourced, or the other provider has begun.
    """
    ticket = _require_had(connection, operator, ticket_id)
    step = step_to(ticket, "reclaimed", TicketState.PENDING, operator, now)
    asked = _held(connection, ticket)
    _require_not_begun(ticket, asked)
    outsources.move(
        connection, asked, outsources.CANCELLED, finished_at=now, cancelled_reason=RECLAIMED
    )
    return _move(connection, ticket, step, {}, asked)


def begin(
    connection: Connection, operator: OperatorPrincipal, ticket_id: int, now: datetime
) -> Ticket:
    """Take a ticket into service; again by the same operator changes nothing.

    Raises:
        NotFound: no such ticket.
        Conflict: another operator has it, it is given away, or does not wait.
    """
    ticket = life.require_ticket(connection, operator, ticket_id)
    if ticket.state is not TicketState.OUTSOURCED:
        return life.begin(connection, operator, ticket_id, now)
    asked = _held(connection, ticket)
    if asked.provider_id != operator.provider_id:
        raise Conflict(
            "ticket.outsourced",
            f"Ticket {ticket.id} is with another provider. Reclaim it before you serve it.",
        )
    if asked.state == outsources.IN_PROGRESS:
        require_own(ticket, operator)
        return ticket
    client_id = operator.client_id
    outsources.move(
        connection, asked, outsources.IN_PROGRESS, operator_id=client_id, assigned_at=now
    )
    step = Step("started", TicketState.OUTSOURCED, actor_of(operator), now)
    changes = {"operator_id": client_id, "started_at": now}
    return _move(connection, ticket, step, changes, asked)


def close(
    connection: Connection,
    operator: OperatorPrincipal,
    ticket_id: int,
    report: Report,
    now: datetime,
) -> Ticket:
    """End a ticket in service, here or for another provider.

    Raises:
        Invalid: the note is too long or the odometer reading impossible.
        NotFound: no such ticket.
        Conflict: another operator has it, or it is not in service.
    """
    asked = outsources.held(connection, ticket_id)
    closed = life.close(connection, operator, ticket_id, report, now)
    if asked is not None:
        outsources.move(connection, asked, outsources.CLOSED, finished_at=now)
    return closed


def cancel(
    connection: Connection,
    operator: OperatorPrincipal,
    ticket_id: int,
    reason: int,
    now: datetime,
) -> Ticket:
    """End a ticket without work. For whom it was given to, it goes back to its provider instead.

    One that is only prepared is removed.

    Raises:
        Invalid: the reason is no number of a reason.
        NotFound: no such ticket.
        Conflict: another operator has it, or it is finished.
    """
    ticket = life.require_ticket(connection, operator, ticket_id)
    if ticket.state is TicketState.PREPARED:
        life.check_reason(reason)
        return withdraw(connection, operator, ticket, reason, now)
    if ticket.state is not TicketState.OUTSOURCED:
        return life.cancel(connection, operator, ticket_id, reason, now)
    asked = _held(connection, ticket)
    if asked.provider_id == operator.provider_id:
        return _give_back(connection, operator, ticket, asked, reason, now)
    _require_not_begun(ticket, asked)
    cancelled = life.cancel(connection, operator, ticket_id, reason, now)
    outsources.move(
        connection, asked, outsources.CANCELLED, finished_at=now, cancelled_reason=reason
    )
    step = Step("cancelled", cancelled.state, actor_of(operator), now)
    told = replace(_event(cancelled, step, asked), type="tickets.outsource.cancelled")
    events.append(connection, told)
    return cancelled


def _give_back(
    connection: Connection,
    operator: OperatorPrincipal,
    ticket: Ticket,
    asked: Outsource,
    reason: int,
    now: datetime,
) -> Ticket:
    life.check_reason(reason)
    if ticket.operator_id is not None:
        require_own(ticket, operator)
    step = step_to(ticket, "returned", TicketState.PENDING, operator, now)
    outsources.move(
        connection, asked, outsources.CANCELLED, finished_at=now, cancelled_reason=reason
    )
    return _move(connection, ticket, step, {"operator_id": None, "started_at": None}, asked)


# Any: values of columns of different types.
def _move(
    connection: Connection, ticket: Ticket, step: Step, changes: dict[str, Any], asked: Outsource
) -> Ticket:
    moved = ticket_changes.move(connection, ticket, step, **changes)
    events.append(connection, _event(moved, step, asked))
    return moved


def _event(ticket: Ticket, step: Step, asked: Outsource) -> Event:
    event = ticket_event(ticket, step)
    request = {"id": str(asked.id), "provider_id": asked.provider_id}
    return replace(event, payload=event.payload | {"outsource": request})


def _require_had(connection: Connection, operator: OperatorPrincipal, ticket_id: int) -> Ticket:
    """Return a ticket that the operator's provider has, and was not only given."""
    ticket = tickets.find(connection, ticket_id, provider_id=operator.provider_id)
    if ticket is None or ticket.provider_id != operator.provider_id:
        raise NotFound(
            "ticket.unknown",
            f"Your provider has no ticket {ticket_id} of its own. List those that wait.",
            field="ticket_id",
        )
    return ticket


def _held(connection: Connection, ticket: Ticket) -> Outsource:
    asked = outsources.held(connection, ticket.id)
    if asked is None:
        raise Conflict(
            "ticket.not_outsourced", f"Ticket {ticket.id} is not with another provider."
        )
    return asked


def _require_not_begun(ticket: Ticket, asked: Outsource) -> None:
    if asked.state != outsources.PENDING:
        raise Conflict(
            "ticket.not_reclaimable",
            f"The other provider has begun with ticket {ticket.id}. It closes the ticket, or "
            "gives it back.",
        )


def _check_provider(connection: Connection, operator: OperatorPrincipal, provider_id: int) -> None:
    if provider_id == operator.provider_id:
        detail = "This is your own provider. Name another one."
        raise Invalid("outsource.own_provider", detail, field="provider_id")
    if identity.find_provider(connection, provider_id) is None:
        detail = f"There is no service provider {provider_id}."
        raise Invalid("outsource.provider_unknown", detail, field="provider_id")


def require_outsource(
    connection: Connection, operator: OperatorPrincipal, uuid: UUID
) -> Outsource:
    """Return a request that the operator's provider made or got.

    Raises:
        NotFound: there is none.
    """
    found = outsources.find(connection, operator.provider_id, uuid)
    if found is None:
        raise NotFound("outsource.unknown", f"There is no outsource {uuid}. List them.")
    return found
