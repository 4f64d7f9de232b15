"""Whose channel it is, and what channels and attachments are called."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from gateway.domain.errors import Conflict, NotFound
from gateway.domain.principal import CustomerPrincipal, OperatorPrincipal
from gateway.storage.database import Connection
from gateway.storage.queries import chat
from gateway.storage.queries.chat import Channel
from gateway.storage.queries.files import FileRecord

Speaker = CustomerPrincipal | OperatorPrincipal


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file of a channel, named as clients name it.

    Attributes:
        file_id: which file.
        reference: channel, file and name, divided by slashes.
    """

    file_id: UUID
    reference: str


def channel_uuid(channel_id: str) -> UUID:
    """Return the UUID in a channel's name: alone, or as ``chat_id`` with the ticket's number.

    Raises:
        NotFound: it is no channel's name.
    """
    number, _, uuid = channel_id.rpartition("_")
    try:
        if number and not (number.isascii() and number.isdigit()):
            raise _unknown()
        return UUID(uuid)
    except ValueError:
        raise _unknown() from None


def require_channel(connection: Connection, speaker: Speaker, uuid: UUID) -> Channel:
    """Return a channel that the speaker takes part in.

    Raises:
        NotFound: there is none; foreign ones look the same.
    """
    if isinstance(speaker, CustomerPrincipal):
        found = chat.find_channel(connection, uuid, tenant_id=speaker.tenant_id)
    else:
        found = chat.find_channel(connection, uuid, provider_id=speaker.provider_id)
    if found is None:
        raise _unknown()
    return found


def require_open(channel: Channel) -> Channel:
    """Return the channel if things can be said in it.

    Raises:
        Conflict: its ticket is finished.
    """
    if not channel.is_open:
        detail = f"Ticket {channel.ticket_id} is finished, so its channel is closed."
        raise Conflict("chat.closed", detail)
    return channel


def sender_of(speaker: Speaker) -> str:
    """Return who speaks, as messages and files name them."""
    if isinstance(speaker, CustomerPrincipal):
        return f"user:{speaker.user_id}"
    return f"operator:{speaker.client_id}"


def reference_of(channel: UUID, file_id: UUID, name: str) -> str:
    """Return what an attachment is called from outside."""
    return f"{channel}/{file_id}/{name}"


def attachment_of(record: FileRecord, channel: UUID) -> Attachment:
    """Return the attachment that a file on record is."""
    return Attachment(record.id, reference_of(channel, record.id, record.name))


def file_in(reference: str) -> UUID:
    """Return the file that a reference names; whether it may be had is not decided here.

    Raises:
        NotFound: it names none.
    """
    parts = reference.split("/")
    try:
        if len(parts) != 3:
            raise _no_attachment()
        return UUID(parts[1])
    except ValueError:
        raise _no_attachment() from None


def require_attachment(
    record: FileRecord | None, channel: Channel, reference: str | None = None
) -> FileRecord:
    """Return a file of this channel, if it is one and is called so.

    Raises:
        NotFound: it is not.
    """
    if record is None or record.ticket_id != channel.ticket_id:
        raise _no_attachment()
    if reference not in {None, reference_of(channel.uuid, record.id, record.name)}:
        raise _no_attachment()
    return record


def _unknown() -> NotFound:
    return NotFound("chat.channel_unknown", "You have no such channel. A ticket names its own.")


def _no_attachment() -> NotFound:
    detail = "There is no such attachment in this channel. Messages name those there are."
    return NotFound("chat.attachment_unknown", detail, field="file_reference")
