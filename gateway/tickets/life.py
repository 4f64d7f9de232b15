"""What happens to a ticket after it was ordered: served, closed or cancelled.

Each function runs in a transaction and writes the ticket, a step of its history and its event.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from gateway.domain.errors import Conflict, Forbidden, Invalid, NotFound
from gateway.domain.principal import OperatorPrincipal
from gateway.domain.ticket import TRANSITIONS, TicketState
from gateway.storage.database import Connection
from gateway.storage.queries import (
    events,
    identity,
    ticket_changes,
    tickets,
    vouchers,
)
from gateway.storage.queries.ticket_records import Note, Step, Ticket
from gateway.tickets import wallets
from gateway.tickets.events import ticket_event

#: Longest note on a ticket, characters.
LONGEST_NOTE = 10_000

#: Kilometres no vehicle reaches; what is beyond is a slip of the finger.
LARGEST_ODOMETER = 9_999_999


@dataclass(frozen=True, slots=True)
class Report:
    """What an operator leaves when the work is done.

    Attributes:
        note: what was done, for the customer to read; may be empty.
        odometer_reading: kilometres, ``None`` where it was not read.
    """

    note: str = ""
    odometer_reading: int | None = None


def require_ticket(connection: Connection, operator: OperatorPrincipal, ticket_id: int) -> Ticket:
    """Return a ticket of this operator's provider.

    Raises:
        NotFound: there is none; another provider's looks the same.
    """
    ticket = tickets.find(connection, ticket_id, provider_id=operator.provider_id)
    if ticket is None:
        detail = f"There is no ticket {ticket_id}. List the pending tickets."
        raise NotFound("ticket.unknown", detail, field="ticket_id")
    return ticket


def begin(
    connection: Connection, operator: OperatorPrincipal, ticket_id: int, now: datetime
) -> Ticket:
    """Take a pending ticket into service; again by the same operator changes nothing.

    Raises:
        NotFound: no such ticket.
        Conflict: another operator has it, or it is not pending.
    """
    ticket = require_ticket(connection, operator, ticket_id)
    if ticket.state is TicketState.IN_PROGRESS:
        require_own(ticket, operator)
        return ticket
    step = step_to(ticket, "started", TicketState.IN_PROGRESS, operator, now)
    if ticket.held_until is not None and ticket.held_until > now:
        raise Conflict(
            "ticket.held",
            f"Ticket {ticket.id} is held until {ticket.held_until:%Y-%m-%d %H:%M} UTC, when the "
            "schedule of the service centre ends. Open the service centre, or wait.",
        )
    changes = {"operator_id": operator.client_id, "started_at": now, "held_until": None}
    try:
        return move(connection, ticket, step, changes)
    except Conflict:
        # Somebody was quicker: it may have been this operator, from another window.
        current = require_ticket(connection, operator, ticket_id)
        if current.state is not TicketState.IN_PROGRESS:
            raise
        require_own(current, operator)
        return current


def close(
    connection: Connection,
    operator: OperatorPrincipal,
    ticket_id: int,
    report: Report,
    now: datetime,
) -> Ticket:
    """End a ticket in service: the work is done and owed.

    Raises:
        Invalid: the note is too long or the odometer reading impossible.
        NotFound: no such ticket.
        Conflict: another operator has it, or it is not in service.
    """
    _check_report(report)
    ticket = require_ticket(connection, operator, ticket_id)
    step = step_to(ticket, "closed", TicketState.CLOSED, operator, now)
    require_own(ticket, operator)
    note = report.note.strip()
    if note:
        written = Note(uuid4(), ticket.id, actor_of(operator), note, now, now)
        ticket_changes.add_note(connection, written)
    changes = {"finished_at": now, "odometer_reading": report.odometer_reading}
    return move(connection, ticket, step, changes, note)


def cancel(
    connection: Connection,
    operator: OperatorPrincipal,
    ticket_id: int,
    reason: int,
    now: datetime,
) -> Ticket:
    """End a ticket without work: nothing is owed, and its voucher can be used again.

    Args:
        connection: a transaction.
        operator: of the provider; the one who serves it, if somebody does.
        ticket_id: which.
        reason: the provider's number for it, 1 or more.
        now: UTC.

    Raises:
        Invalid: the reason is no number of a reason.
        NotFound: no such ticket.
        Conflict: another operator has it, or it is finished.
    """
    check_reason(reason)
    ticket = require_ticket(connection, operator, ticket_id)
    step = step_to(ticket, "cancelled", TicketState.CANCELLED, operator, now)
    if ticket.operator_id is not None:
        require_own(ticket, operator)
    if ticket.voucher_id is not None:
        vouchers.give_back(connection, ticket.voucher_id)
    wallets.give_back(connection, ticket, actor_of(operator), now)
    return move(connection, ticket, step, {"finished_at": now, "cancelled_reason": reason})


def check_reason(reason: int) -> None:
    """Refuse what is no number of a reason to cancel.

    Raises:
        Invalid: names ``reason``.
    """
    if not 1 <= reason <= 2**31 - 1:
        detail = "Say why with the number of a reason, 1 or more."
        raise Invalid("ticket.reason_invalid", detail, field="reason")


def rate(
    connection: Connection, tenant_id: int, ticket_id: int, score: float, comment: str | None
) -> None:
    """Set or change how content a garage is with a ticket, from -1 (not at all) to 1.

    Raises:
        Invalid: the score is out of range, or the comment too long.
        NotFound: the garage has no such ticket.
        Forbidden: the service centre asks for no scores.
    """
    if not -1 <= score <= 1:
        raise Invalid("csat.out_of_range", "The score must be from -1 to 1.", field="score")
    if comment is not None and len(comment) > LONGEST_NOTE:
        detail = f"Keep the comment within {LONGEST_NOTE} characters."
        raise Invalid("csat.comment_too_long", detail, field="comment")
    ticket = require_own_ticket(connection, tenant_id, ticket_id)
    if not _asks_for_scores(connection, ticket):
        raise Forbidden("csat.off", "This service centre does not ask for satisfaction scores.")
    ticket_changes.score(connection, ticket.id, score, comment)


def require_own_ticket(connection: Connection, tenant_id: int, ticket_id: int) -> Ticket:
    """Return a ticket of this garage.

    Raises:
        NotFound: there is none; another garage's looks the same.
    """
    ticket = tickets.find(connection, ticket_id, tenant_id=tenant_id)
    if ticket is None:
        raise NotFound("ticket.unknown", f"You have no ticket {ticket_id}.")
    return ticket


def _asks_for_scores(connection: Connection, ticket: Ticket) -> bool:
    provider = identity.find_provider(connection, ticket.provider_id)
    return provider is not None and provider.csat_enabled


# Any: values of columns of different types.
def move(
    connection: Connection, ticket: Ticket, step: Step, changes: dict[str, Any], note: str = ""
) -> Ticket:
    """Take a ticket a step further, and tell of it.

    Raises:
        Conflict: somebody else moved it meanwhile.
    """
    moved = ticket_changes.move(connection, ticket, step, **changes)
    events.append(connection, ticket_event(moved, step, note))
    return moved


def step_to(
    ticket: Ticket, kind: str, to_state: TicketState, operator: OperatorPrincipal, now: datetime
) -> Step:
    """Return an operator's step to another state, for the ticket's history.

    Raises:
        Conflict: none leads there from the state it is in.
    """
    if (ticket.state, to_state) not in TRANSITIONS:
        state = ticket.state.name.lower().replace("_", " ")
        raise Conflict(
            "ticket.wrong_state",
            f"Ticket {ticket.id} is {state} and cannot be {kind}. Read it again, then decide.",
        )
    return Step(kind, to_state, actor_of(operator), now)


def require_own(ticket: Ticket, operator: OperatorPrincipal) -> None:
    """Raise Conflict where another operator serves the ticket, or none."""
    if ticket.operator_id != operator.client_id:
        raise Conflict(
            "ticket.served_by_another",
            f"Ticket {ticket.id} is served by another operator. Choose a pending one.",
        )


def actor_of(operator: OperatorPrincipal) -> str:
    """Return how histories name an operator."""
    return f"operator:{operator.client_id}"


def _check_report(report: Report) -> None:
    check_note(report.note, "note")
    odometer = report.odometer_reading
    if odometer is not None and not 0 <= odometer <= LARGEST_ODOMETER:
        detail = f"The odometer reading must be kilometres from 0 to {LARGEST_ODOMETER}."
        raise Invalid("ticket.odometer_invalid", detail, field="odometer_reading")


def check_note(text: str, field: str) -> None:
    """Refuse a text that is too long for a note.

    Raises:
        Invalid: names ``field``.
    """
    if len(text) > LONGEST_NOTE:
        detail = f"Keep the note within {LONGEST_NOTE} characters."
        raise Invalid("ticket.note_too_long", detail, field=field)
