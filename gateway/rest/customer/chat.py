"""``/v1/channels``, ``/v1/channel-attachments``, ``/v1/translate``: talking to the operator.

The contract knows no operation that says or reads something; ``/v1/channels/ID/messages`` is
this product's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import msgspec
from quart import Blueprint, Response, request

from gateway.chat.channels import attachment_of, channel_uuid
from gateway.chat.service import ChatService
from gateway.chat.shapes import Json, channel_shape, message_shape
from gateway.chat.translation import Translator
from gateway.rest.customer.shapes import reply
from gateway.storage.files.links import FileLinks
from gateway.web import paging, parameters
from gateway.web.addresses import absolute
from gateway.web.auth import CustomerIdentity, require_customer
from gateway.web.bodies import read_json
from gateway.web.paging import PageProfile

#: Characters of a message, of a name, of a reference, beyond which nothing is looked at.
_Words = Annotated[str, msgspec.Meta(max_length=100_000)]
_Name = Annotated[str, msgspec.Meta(max_length=500)]


@dataclass(frozen=True, slots=True)
class ChatDoor:
    """What the handlers need.

    Attributes:
        identity: knows customers by their tokens.
        chat: what is said.
        translator: puts it into other languages.
        links: lead to attachments.
        public_url: how clients reach this server where a proxy stands in front; may be empty.
        pages: how many messages are read at once.
    """

    identity: CustomerIdentity
    chat: ChatService
    translator: Translator
    links: FileLinks
    public_url: str = ""
    pages: PageProfile = paging.CUSTOMER


class MessageBody(msgspec.Struct, frozen=True):
    """Body of ``POST /v1/channels/ID/messages``: words, an uploaded file, or both."""

    content: _Words = ""
    file_reference: _Name | None = None


class AttachmentBody(msgspec.Struct, frozen=True):
    """Body of ``POST /v1/channel-attachments``."""

    file_name: _Name


class TranslateMessage(msgspec.Struct, frozen=True):
    """What is to be translated; what a client thinks of the result does not matter."""

    original: _Words


class TranslateBody(msgspec.Struct, frozen=True):
    """Body of ``POST /v1/translate``."""

    message: TranslateMessage
    target_language: Annotated[str, msgspec.Meta(max_length=35)]


def blueprint(door: ChatDoor) -> Blueprint:
    """Return the chat's routes."""
    routes = Blueprint("customer_chat", __name__)
    _add_messages(routes, door)
    _add_attachments(routes, door)

    @routes.get("/v1/channels/<channel_id>")
    async def get_channel(channel_id: str) -> Response:
        customer = await require_customer(door.identity)
        return reply(channel_shape(await door.chat.channel(customer, channel_uuid(channel_id))))

    @routes.post("/v1/channels/<channel_id>/actions/send-control-message")
    async def send_control_message(channel_id: str) -> Response:
        customer = await require_customer(door.identity)
        channel = await door.chat.ping(customer, channel_uuid(channel_id))
        return reply({"channel_id": str(channel.uuid)})

    @routes.post("/v1/translate")
    async def translate() -> Response:
        await require_customer(door.identity)
        body = await read_json(request, TranslateBody)
        made = await door.translator.translate(body.message.original, body.target_language)
        message = {"original": made.original, "translated": made.translated}
        document = {
            "message": message,
            "target_language": made.target_language,
            "source_language": made.source_language,
        }
        return reply(document, 201)

    return routes


def _add_messages(routes: Blueprint, door: ChatDoor) -> None:
    @routes.post("/v1/channels/<channel_id>/messages")
    async def say(channel_id: str) -> Response:
        customer = await require_customer(door.identity)
        body = await read_json(request, MessageBody)
        channel = channel_uuid(channel_id)
        said = await door.chat.say(customer, channel, body.content, body.file_reference)
        return reply(message_shape(channel, said), 201)

    @routes.get("/v1/channels/<channel_id>/messages")
    async def list_messages(channel_id: str) -> Response:
        customer = await require_customer(door.identity)
        channel = channel_uuid(channel_id)
        before = parameters.integer(request.args, "before")
        limit = parameters.integer(request.args, "limit", least=1, most=door.pages.most)
        found = await door.chat.history(
            customer, channel, before=before, limit=limit or door.pages.default
        )
        return reply({"result": [message_shape(channel, one) for one in found.messages]})


def _add_attachments(routes: Blueprint, door: ChatDoor) -> None:
    @routes.post("/v1/channel-attachments")
    async def create_attachment() -> Response:
        customer = await require_customer(door.identity)
        channel = channel_uuid(_parameter("channel_id"))
        body = await read_json(request, AttachmentBody)
        made = await door.chat.attach(customer, channel, body.file_name)
        name = made.reference.rpartition("/")[2]
        url = absolute(door.public_url, door.links.make("upload", made.file_id))
        return reply(attachment_shape(name, made.reference, url), 201)

    @routes.get("/v1/channel-attachments")
    async def get_attachment() -> Response:
        customer = await require_customer(door.identity)
        channel = channel_uuid(_parameter("channel_id"))
        reference = _parameter("file_reference")
        record = await door.chat.attachment(customer, channel, reference)
        url = absolute(door.public_url, door.links.make("fetch", record.id))
        known = attachment_of(record, channel)
        return reply(attachment_shape(record.name, known.reference, url))


def attachment_shape(name: str, reference: str, url: str) -> Json:
    """Return an attachment with the link to upload or to fetch it."""
    return {"file_name": name, "file_reference": reference, "url": url}


def _parameter(name: str) -> str:
    return parameters.required(parameters.text(request.args, name, longest=500), name)
