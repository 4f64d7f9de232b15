"""Notes: what operators write on a ticket for the garage to read, with files attached."""

from __future__ import annotations

from datetime import datetime
from uuid import uuid4

from gateway.domain.errors import Invalid
from gateway.domain.principal import OperatorPrincipal
from gateway.storage.database import Connection
from gateway.storage.files.kinds import checked_name, kind_of
from gateway.storage.queries import events, files, ticket_changes
from gateway.storage.queries.files import FileRecord
from gateway.storage.queries.ticket_records import Note, Step, Ticket
from gateway.tickets.events import ticket_event
from gateway.tickets.life import check_note, require_ticket


def add(
    connection: Connection,
    operator: OperatorPrincipal,
    ticket_id: int,
    text: str,
    names: tuple[str, ...],
    now: datetime,
) -> tuple[Note, tuple[FileRecord, ...]]:
    """Write a note, in whatever state the ticket is, and reserve the files of these names.

    Raises:
        Invalid: the text is empty or too long, or a name is of no kind that is taken.
        NotFound: no such ticket.
    """
    value = text.strip()
    if not value:
        raise Invalid("ticket.note_empty", "The note is empty. Write something.", field="value")
    check_note(value, "value")
    ticket = require_ticket(connection, operator, ticket_id)
    actor = f"operator:{operator.client_id}"
    note = Note(uuid4(), ticket.id, actor, value, now, now)
    ticket_changes.add_note(connection, note)
    attached = tuple(_record(ticket, note, name) for name in names)
    for record in attached:
        files.reserve(connection, record)
    events.append(connection, ticket_event(ticket, Step("noted", ticket.state, actor, now)))
    return note, attached


def _record(ticket: Ticket, note: Note, name: str) -> FileRecord:
    checked = checked_name(name)
    return FileRecord(
        id=uuid4(),
        tenant_id=ticket.tenant_id,
        ticket_id=ticket.id,
        note_id=note.id,
        name=checked,
        content_type=kind_of(checked).content_type,
        created_by=note.author,
        created_at=note.created_at,
    )
