"""Remove tickets that nobody has ordered."""

from __future__ import annotations

from sqlalchemy import Connection, delete, select, update

from gateway.domain.ticket import TicketState
from gateway.storage.tables.files import file
from gateway.storage.tables.partner import ticket_remark
from gateway.storage.tables.tickets import ticket, ticket_event, ticket_line, ticket_note

#: What belongs to a ticket from the moment it is prepared.
_PARTS = (ticket_line, ticket_event, ticket_note, ticket_remark)


def has_files(connection: Connection, ticket_id: int) -> bool:
    """Tell whether files belong to a ticket."""
    found = connection.execute(select(file.c.id).where(file.c.ticket_id == ticket_id).limit(1))
    return found.one_or_none() is not None


def remove_prepared(connection: Connection, ticket_id: int) -> bool:
    """Remove a ticket with all its parts; ``False`` when it is not prepared any more."""
    still = (ticket.c.id == ticket_id) & (ticket.c.state == int(TicketState.PREPARED))
    # Written first, so that nobody orders it side by side.
    claimed = connection.execute(update(ticket).where(still).values(state=ticket.c.state))
    if claimed.rowcount != 1:
        return False
    for part in _PARTS:
        connection.execute(delete(part).where(part.c.ticket_id == ticket_id))
    return connection.execute(delete(ticket).where(still)).rowcount == 1
