"""How channels and messages look from outside, the same for every door and event."""

from __future__ import annotations

from datetime import UTC
from uuid import UUID

from gateway.chat.channels import reference_of
from gateway.storage.queries.chat import Channel, Message

Json = dict[str, object]


def channel_shape(channel: Channel) -> Json:
    """Return a channel as the customer contract has it; ``state`` is ``open`` or ``closed``."""
    return {
        "arn": f"urn:gateway:channel:{channel.uuid}",
        "state": "open" if channel.is_open else "closed",
    }


def message_shape(channel: UUID, message: Message) -> Json:
    """Return what was said; ``number`` orders messages and is what paging goes by."""
    kind, _, name = message.sender.partition(":")
    attachment = None
    if message.file_id is not None and message.file_name is not None:
        attachment = {
            "file_name": message.file_name,
            "file_reference": reference_of(channel, message.file_id, message.file_name),
        }
    return {
        "id": str(message.uuid),
        "number": message.id,
        "channel_id": str(channel),
        "ticket_id": message.ticket_id,
        "type": message.type,
        "sender": {
            "type": "customer" if kind == "user" else kind,
            "id": name,
            "name": message.sender_name,
        },
        "content": message.content,
        "attachment": attachment,
        "created_at": message.created_at.astimezone(UTC)
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z"),
    }
