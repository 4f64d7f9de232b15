"""A run on record: taken on, noted, closed, handed over. Each function runs in a transaction."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import uuid4

from gateway.domain.errors import Conflict
from gateway.domain.ticket import TicketState
from gateway.storage.database import Connection
from gateway.storage.queries import (
    events,
    files,
    identity,
    ticket_changes,
    tickets,
    unattended,
)
from gateway.storage.queries.files import FileRecord
from gateway.storage.queries.identity import OperatorRecord
from gateway.storage.queries.ticket_records import Note, Step, Ticket
from gateway.storage.queries.unattended import FINISHED, HANDED_OVER, RUNNING, STOPPED, Run
from gateway.tickets.events import ticket_event
from gateway.tickets.service_center import center_of
from gateway.tickets.unattended.plan import Plan

#: Who acts, as histories and notes name it.
ACTOR = "service:unattended"

#: A service has come further, or ended.
PROGRESSED = "tickets.ticket.progressed"


@dataclass(frozen=True, slots=True)
class Written:
    """What is left on the ticket at the end.

    Attributes:
        note: for the garage and the operator to read.
        report: the PDF, whose bytes are stored already; ``None`` where nothing was done.
    """

    note: str
    report: FileRecord | None = None


def take_on(
    connection: Connection, ticket_id: int, plan: Plan, who: str, until: datetime, now: datetime
) -> tuple[Ticket, Run] | None:
    """Begin the service of a pending ticket; ``None`` when somebody else has begun."""
    ticket = tickets.find(connection, ticket_id)
    if ticket is None or ticket.state is not TicketState.PENDING:
        return None
    if unattended.find(connection, ticket_id) is not None:
        return None
    step = Step("started", TicketState.IN_PROGRESS, ACTOR, now)
    changes = {"operator_id": None, "started_at": now, "held_until": None}
    _enlist(connection, ticket.provider_id, now)
    try:
        begun = ticket_changes.move(connection, ticket, step, **changes)
    except Conflict:
        return None
    run = _new(ticket, plan, who, until, now)
    unattended.add(connection, run)
    events.append(connection, ticket_event(begun, step))
    return begun, run


def client_of(provider_id: int) -> str:
    """Return the client id that a provider's services hold sessions and leases under."""
    return f"service-{provider_id}"


def _enlist(connection: Connection, provider_id: int, now: datetime) -> None:
    """Make sessions and their recordings possible: they belong to an operator on record.

    Nobody can sign in as this one: it is disabled, and no secret has this hash.
    """
    client_id = client_of(provider_id)
    if client_id not in {one.client_id for one in identity.operators(connection)}:
        record = OperatorRecord(client_id, provider_id, "Unattended services", now, now)
        identity.add_operator(connection, record, bytes(32))


def _new(ticket: Ticket, plan: Plan | None, who: str, until: datetime, now: datetime) -> Run:
    return Run(
        ticket_id=ticket.id,
        state=RUNNING,
        plan="" if plan is None else plan.digest,
        step=0,
        steps=0 if plan is None else len(plan.steps),
        label="",
        results=(),
        memo={},
        reason=None,
        claimed_by=who,
        claimed_until=until,
        created_at=now,
        updated_at=now,
    )


# Any: values of columns of different types.
def progress(
    connection: Connection, ticket: Ticket, who: str, now: datetime, changes: dict[str, Any]
) -> bool:
    """Note how far a run has come, and tell; ``False`` when it is not ours any more."""
    current = tickets.find(connection, ticket.id)
    if current is None or current.state is not TicketState.IN_PROGRESS:
        return False
    if not unattended.note(connection, ticket.id, who, updated_at=now, **changes):
        return False
    _tell(connection, current, now)
    return True


def renew(connection: Connection, ticket_id: int, who: str, until: datetime) -> bool:
    """Go on claiming a run; ``False`` when its ticket has ended, or it is somebody else's."""
    ticket = tickets.find(connection, ticket_id)
    if ticket is None or ticket.state is not TicketState.IN_PROGRESS:
        return False
    return unattended.note(connection, ticket_id, who, claimed_until=until)


def close(
    connection: Connection, ticket: Ticket, who: str, written: Written, now: datetime
) -> bool:
    """End the ticket: the work is done and owed; ``False`` when it is not ours any more."""
    step = Step("closed", TicketState.CLOSED, ACTOR, now)
    ending = {"state": FINISHED, "label": "", "memo": {}}
    return _end(connection, ticket, who, step, ending, written, {"finished_at": now})


def hand_over(
    connection: Connection,
    ticket: Ticket,
    who: str,
    reason: str,
    written: Written,
    now: datetime,
) -> bool:
    """Leave the ticket to an operator: it is pending again; ``False`` when it is not ours."""
    step = Step("handed_over", TicketState.PENDING, ACTOR, now)
    ending = {"state": HANDED_OVER, "label": "", "reason": reason}
    return _end(connection, ticket, who, step, ending, written, _waiting(connection, ticket, now))


def decline(
    connection: Connection, ticket_id: int, who: str, reason: str, note: str, now: datetime
) -> Ticket | None:
    """Leave a pending ticket to an operator without having begun; ``None`` if it is gone on."""
    ticket = tickets.find(connection, ticket_id)
    if ticket is None or ticket.state is not TicketState.PENDING:
        return None
    if unattended.find(connection, ticket_id) is not None:
        return None
    run = _new(ticket, None, who, now, now)
    unattended.add(connection, replace(run, state=HANDED_OVER, reason=reason, finished_at=now))
    _write(connection, ticket, Written(note), now)
    step = Step("handed_over", TicketState.PENDING, ACTOR, now)
    events.append(connection, ticket_event(ticket, step))
    return ticket


def stop(connection: Connection, ticket_id: int, who: str, now: datetime) -> None:
    """Note that a run ended because its ticket did."""
    unattended.note(
        connection, ticket_id, who, state=STOPPED, label="", updated_at=now, finished_at=now
    )


# Any: as above.
def _end(
    connection: Connection,
    ticket: Ticket,
    who: str,
    step: Step,
    ending: dict[str, Any],
    written: Written,
    changes: dict[str, Any],
) -> bool:
    current = tickets.find(connection, ticket.id)
    if current is None or current.state is not TicketState.IN_PROGRESS:
        stop(connection, ticket.id, who, step.at)
        return False
    ending |= {"updated_at": step.at, "finished_at": step.at}
    if not unattended.note(connection, ticket.id, who, **ending):
        return False
    _write(connection, current, written, step.at)
    moved = ticket_changes.move(connection, current, step, **changes)
    events.append(connection, ticket_event(moved, step, written.note))
    return True


def _waiting(connection: Connection, ticket: Ticket, now: datetime) -> dict[str, Any]:
    """Return the columns of a ticket that waits for an operator, who may be scheduled."""
    center = center_of(connection, ticket.provider_id, now)
    return {"operator_id": None, "started_at": None, "held_until": center.ends_at}


def _write(connection: Connection, ticket: Ticket, written: Written, now: datetime) -> None:
    note = Note(uuid4(), ticket.id, ACTOR, written.note, now, now)
    ticket_changes.add_note(connection, note)
    if written.report is not None:
        files.reserve(connection, replace(written.report, note_id=note.id))


def _tell(connection: Connection, ticket: Ticket, now: datetime) -> None:
    run = unattended.find(connection, ticket.id)
    event = ticket_event(ticket, Step("progressed", ticket.state, ACTOR, now))
    shown = None if run is None else shape(run)
    events.append(connection, replace(event, payload=event.payload | {"unattended": shown}))


def shape(run: Run) -> dict[str, object]:
    """Return how far a run has come, for doors."""
    return {
        "state": run.state,
        "step": run.step,
        "steps": run.steps,
        "label": run.label,
        "reason": run.reason,
    }
