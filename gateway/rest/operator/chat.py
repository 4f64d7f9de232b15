"""``/operator/v1/tickets/ID/messages`` and ``.../attachments``: talking to the garage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import msgspec
from quart import Blueprint, Response, jsonify, request

from gateway.chat.service import ChatService
from gateway.chat.shapes import message_shape
from gateway.rest.operator.tickets import TICKET_ID
from gateway.storage.files.links import FileLinks
from gateway.web import paging, parameters
from gateway.web.addresses import absolute
from gateway.web.auth import OperatorIdentity, require_operator
from gateway.web.bodies import read_json
from gateway.web.paging import PageProfile


@dataclass(frozen=True, slots=True)
class OperatorChatDoor:
    """What the handlers need.

    Attributes:
        identity: knows operators by their tokens.
        chat: what is said.
        links: lead to attachments.
        public_url: how clients reach this server where a proxy stands in front; may be empty.
        pages: how many messages are read at once.
    """

    identity: OperatorIdentity
    chat: ChatService
    links: FileLinks
    public_url: str = ""
    pages: PageProfile = paging.PARTNER


class MessageBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of ``POST .../messages``: words, an uploaded file, or both."""

    content: Annotated[str, msgspec.Meta(max_length=100_000)] = ""
    file_reference: Annotated[str, msgspec.Meta(max_length=500)] | None = None


class AttachmentBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of ``POST .../attachments``."""

    file_name: Annotated[str, msgspec.Meta(max_length=500)]


def blueprint(door: OperatorChatDoor) -> Blueprint:
    """Return the chat's routes below ``/operator/v1``."""
    routes = Blueprint("operator_chat", __name__, url_prefix="/operator/v1")
    _add_attachments(routes, door)

    @routes.post(f"/tickets/{TICKET_ID}/messages")
    async def say(ticket_id: int) -> Response:
        operator = await require_operator(door.identity)
        body = await read_json(request, MessageBody)
        channel = (await door.chat.channel_of_ticket(operator, ticket_id)).uuid
        said = await door.chat.say(operator, channel, body.content, body.file_reference)
        answer = jsonify(message_shape(channel, said))
        answer.status_code = 201
        return answer

    @routes.get(f"/tickets/{TICKET_ID}/messages")
    async def list_messages(ticket_id: int) -> Response:
        operator = await require_operator(door.identity)
        before = parameters.integer(request.args, "before")
        limit = parameters.integer(request.args, "limit", least=1, most=door.pages.most)
        channel = (await door.chat.channel_of_ticket(operator, ticket_id)).uuid
        found = await door.chat.history(
            operator, channel, before=before, limit=limit or door.pages.default
        )
        return jsonify({"result": [message_shape(channel, one) for one in found.messages]})

    return routes


def _add_attachments(routes: Blueprint, door: OperatorChatDoor) -> None:
    @routes.post(f"/tickets/{TICKET_ID}/attachments")
    async def create_attachment(ticket_id: int) -> Response:
        operator = await require_operator(door.identity)
        body = await read_json(request, AttachmentBody)
        channel = (await door.chat.channel_of_ticket(operator, ticket_id)).uuid
        made = await door.chat.attach(operator, channel, body.file_name)
        url = absolute(door.public_url, door.links.make("upload", made.file_id))
        name = made.reference.rpartition("/")[2]
        answer = jsonify({"file_name": name, "file_reference": made.reference, "url": url})
        answer.status_code = 201
        return answer

    @routes.get(f"/tickets/{TICKET_ID}/attachments")
    async def get_attachment(ticket_id: int) -> Response:
        operator = await require_operator(door.identity)
        wanted = parameters.text(request.args, "file_reference", longest=500)
        reference = parameters.required(wanted, "file_reference")
        channel = (await door.chat.channel_of_ticket(operator, ticket_id)).uuid
        record = await door.chat.attachment(operator, channel, reference)
        url = absolute(door.public_url, door.links.make("fetch", record.id))
        return jsonify({"file_name": record.name, "file_reference": reference, "url": url})
