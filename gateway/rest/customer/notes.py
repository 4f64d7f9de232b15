"""``/v1/tickets/ID/notes``: what operators wrote for the garage to read, with what is attached."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from quart import Blueprint, Response, request

from gateway.rest.customer.door import CustomerDoor, number_in_path
from gateway.rest.customer.shapes import Json, moment, page_document, reply
from gateway.storage.database import Connection
from gateway.storage.files.links import FileLinks
from gateway.storage.queries import files, tickets
from gateway.storage.queries.files import FileRecord
from gateway.storage.queries.page import Page
from gateway.storage.queries.ticket_records import Note
from gateway.tickets.life import require_own_ticket
from gateway.web.addresses import absolute
from gateway.web.auth import require_customer
from gateway.web.paging import page_from

#: Notes of one page, and what is attached to each.
_Notes = tuple[Page[Note], dict[UUID, tuple[FileRecord, ...]]]


@dataclass(frozen=True, slots=True)
class NotesDoor:
    """What the handler needs.

    Attributes:
        customer: as for all of a customer's doors.
        links: lead to attachments.
        link_lifetime: seconds such a link is good for.
        public_url: how clients reach this server where a proxy stands in front; may be empty.
    """

    customer: CustomerDoor
    links: FileLinks
    link_lifetime: float
    public_url: str = ""

    def link(self, record: FileRecord) -> str:
        """Return an address that leads to an attachment for a while."""
        return absolute(self.public_url, self.links.make("fetch", record.id))


def blueprint(door: NotesDoor) -> Blueprint:
    """Return the route of notes."""
    routes = Blueprint("customer_notes", __name__)
    database, profile = door.customer.database, door.customer.whole_lists

    @routes.get("/v1/tickets/<ticket_id>/notes")
    async def list_notes(ticket_id: str) -> Response:
        customer = await require_customer(door.customer.identity)
        number = number_in_path(ticket_id, "ticketId")
        wanted = page_from(request.args, profile)

        def read(connection: Connection) -> _Notes:
            own = require_own_ticket(connection, customer.tenant_id, number)
            found = tickets.notes(connection, own.id, offset=wanted.offset, limit=wanted.limit)
            attached = files.of_notes(connection, [note.id for note in found.items])
            return found, attached

        found, attached = await database.read(read)
        shown = page_document(
            found, wanted, lambda note: note_shape(door, note, attached[note.id])
        )
        # Every look makes new links. Whoever has all notes is told so as long as the links they
        # have are good for another while: half of what they are good for altogether.
        age = int(door.customer.clock().timestamp() // (door.link_lifetime / 2))
        names = [(note, attached[note.id]) for note in found.items]
        return reply(shown, known_by=repr((found.total, wanted, names, age)))

    return routes


def note_shape(door: NotesDoor, note: Note, attached: tuple[FileRecord, ...]) -> Json:
    """Return a note with links to what is attached to it."""
    return {
        "id": str(note.id),
        "ticket_id": note.ticket_id,
        "value": note.value,
        "created_at": moment(note.created_at),
        "updated_at": moment(note.updated_at),
        "attachments": [
            {
                "file_name": record.name,
                "content_type": record.content_type,
                "size": record.size,
                "url": door.link(record),
            }
            for record in attached
        ],
    }
