"""Tickets that were prepared and are not to be ordered any more: they go without a trace.

Nobody has ordered them, nothing is owed, and a voucher written on them was not used: there is
nothing to keep. Events tell of it as of a cancelled ticket.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from gateway.domain.errors import Conflict
from gateway.domain.principal import OperatorPrincipal
from gateway.domain.ticket import TicketState
from gateway.storage.database import Connection
from gateway.storage.queries import events, ticket_removal
from gateway.storage.queries.ticket_records import Step, Ticket
from gateway.tickets.events import ticket_event


def withdraw(
    connection: Connection, operator: OperatorPrincipal, ticket: Ticket, reason: int, now: datetime
) -> Ticket:
    """Take a prepared ticket back; return it as it would be when cancelled.

    Raises:
        Conflict: it was ordered meanwhile, or has notes with files.
    """
    if ticket_removal.has_files(connection, ticket.id):
        raise Conflict(
            "ticket.has_files", f"Ticket {ticket.id} has notes with files, so it is kept."
        )
    if not ticket_removal.remove_prepared(connection, ticket.id):
        raise Conflict(
            "ticket.changed", "The ticket was changed meanwhile. Read it again, then decide."
        )
    step = Step("cancelled", TicketState.CANCELLED, f"operator:{operator.client_id}", now)
    gone = replace(
        ticket,
        state=step.to_state,
        cancelled_reason=reason,
        finished_at=now,
        updated_at=now,
    )
    events.append(connection, ticket_event(gone, step))
    return gone
