"""``/operator/v1/tickets/ID/notes``: something for the garage to read, with files attached."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import msgspec
from quart import Blueprint, Response, jsonify, request

from gateway.rest.operator.tickets import TICKET_ID
from gateway.storage.files.links import FileLinks
from gateway.tickets.service import TicketService
from gateway.web.addresses import absolute
from gateway.web.auth import OperatorIdentity, require_operator
from gateway.web.bodies import read_json


@dataclass(frozen=True, slots=True)
class OperatorNotesDoor:
    """What the handler needs.

    Attributes:
        identity: knows operators by their tokens.
        tickets: what notes are written on.
        links: lead to where attachments are uploaded.
        public_url: how clients reach this server where a proxy stands in front; may be empty.
    """

    identity: OperatorIdentity
    tickets: TicketService
    links: FileLinks
    public_url: str = ""


class NoteBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of ``POST .../notes``; ``attachments`` are the names of files to be uploaded."""

    value: str
    attachments: Annotated[
        list[Annotated[str, msgspec.Meta(max_length=500)]], msgspec.Meta(max_length=20)
    ] = []


def blueprint(door: OperatorNotesDoor) -> Blueprint:
    """Return the route of notes below ``/operator/v1``."""
    routes = Blueprint("operator_notes", __name__, url_prefix="/operator/v1")

    @routes.post(f"/tickets/{TICKET_ID}/notes")
    async def write_note(ticket_id: int) -> tuple[Response, int]:
        operator = await require_operator(door.identity)
        body = await read_json(request, NoteBody)
        note, attached = await door.tickets.add_note(
            operator, ticket_id, body.value, tuple(body.attachments)
        )
        shown = {
            "id": str(note.id),
            "ticket_id": note.ticket_id,
            "value": note.value,
            "created_at": note.created_at.isoformat(),
            # The garage sees a file once its bytes were PUT to this address.
            "attachments": [
                {
                    "file_name": record.name,
                    "url": absolute(door.public_url, door.links.make("upload", record.id)),
                }
                for record in attached
            ],
        }
        return jsonify(shown), 201

    return routes
