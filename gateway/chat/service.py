"""Saying, reading, pinging, attaching."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID, uuid4

from gateway.chat.channels import (
    Attachment,
    Speaker,
    attachment_of,
    file_in,
    require_attachment,
    require_channel,
    require_open,
    sender_of,
)
from gateway.chat.shapes import message_shape
from gateway.domain.clock import Clock
from gateway.domain.errors import Invalid, NotFound
from gateway.domain.events import Event
from gateway.domain.principal import CustomerPrincipal, OperatorPrincipal
from gateway.storage.database import Connection, Database
from gateway.storage.files.kinds import checked_name, kind_of
from gateway.storage.queries import chat, events, files
from gateway.storage.queries import identity as people
from gateway.storage.queries.chat import Channel, Message
from gateway.storage.queries.files import FileRecord

#: Event type, written with the message; subject ``channel:UUID``, payload the message's shape.
SAID = "chat.message.created"

#: Pings of a channel that come sooner after one another count as one.
PING_GAP = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Conversation:
    """A channel with what was said in it.

    Attributes:
        channel: which.
        messages: the newest first.
    """

    channel: Channel
    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Tail:
    """The end of a conversation.

    Attributes:
        channel: which.
        messages: the oldest first.
        position: number of the last message, from which to go on.
    """

    channel: Channel
    messages: tuple[Message, ...]
    position: int


class ChatService:
    """Owned by the application.

    Args:
        database: where what is said is written down.
        clock: wall clock.
        longest: characters of a message.
    """

    def __init__(self, database: Database, clock: Clock, *, longest: int) -> None:
        self._database = database
        self._clock = clock
        self._longest = longest

    async def channel(self, speaker: Speaker, uuid: UUID) -> Channel:
        """Return a channel that the speaker takes part in.

        Raises:
            NotFound: there is none; foreign ones look the same.
        """
        return await self._database.read(require_channel, speaker, uuid)

    async def channel_of_ticket(self, operator: OperatorPrincipal, ticket_id: int) -> Channel:
        """Return the channel of a ticket that the operator's provider serves.

        Raises:
            NotFound: there is none; another provider's looks the same.
        """
        found = await self._database.read(
            chat.find_channel_of_ticket, ticket_id, provider_id=operator.provider_id
        )
        if found is None:
            raise NotFound("ticket.unknown", f"There is no ticket {ticket_id} in service.")
        return found

    async def say(
        self, speaker: Speaker, uuid: UUID, content: str, reference: str | None = None
    ) -> Message:
        """Write down words, an attachment, or both.

        Args:
            speaker: who says it.
            uuid: the channel.
            content: the words; may be empty with an attachment.
            reference: of a file that was uploaded to this channel.

        Raises:
            Invalid: nothing is said, too much, or the file was not uploaded.
            NotFound: no such channel or file.
            Conflict: the ticket is finished.
        """
        words = content.strip()
        if len(words) > self._longest:
            detail = f"A message has at most {self._longest} characters. Split it."
            raise Invalid("chat.too_long", detail, field="content")
        if not words and reference is None:
            raise Invalid("chat.empty", "Say something, or attach a file.", field="content")
        return await self._database.write(self._say, speaker, uuid, words, reference)

    async def history(
        self, speaker: Speaker, uuid: UUID, *, before: int | None, limit: int
    ) -> Conversation:
        """Return what people said, the newest first.

        Raises:
            NotFound: no such channel.
        """

        def read(connection: Connection) -> Conversation:
            channel = require_channel(connection, speaker, uuid)
            found = chat.spoken(connection, channel.ticket_id, before=before, limit=limit)
            return Conversation(channel, found)

        return await self._database.read(read)

    async def follow(self, speaker: Speaker, uuid: UUID, after: int | None, limit: int) -> Tail:
        """Return what came behind a message, control messages too, oldest first.

        Args:
            speaker: who follows.
            uuid: the channel.
            after: number of the last message they have; ``None`` begins behind the newest.
            limit: messages at once.

        Raises:
            NotFound: no such channel.
        """

        def read(connection: Connection) -> Tail:
            channel = require_channel(connection, speaker, uuid)
            if after is None:
                return Tail(channel, (), chat.last_id(connection, channel.ticket_id))
            found = chat.after(connection, channel.ticket_id, after, limit)
            return Tail(channel, found, found[-1].id if found else after)

        return await self._database.read(read)

    async def ping(self, speaker: Speaker, uuid: UUID) -> Channel:
        """Send those who listen a control message, at most one each ``PING_GAP``.

        Raises:
            NotFound: no such channel.
        """
        return await self._database.write(self._ping, speaker, uuid)

    async def attach(self, speaker: Speaker, uuid: UUID, file_name: str) -> Attachment:
        """Reserve a file in a channel; its bytes are to come through a link.

        Raises:
            Invalid: the name is none, or of a kind that is not taken.
            NotFound: no such channel.
            Conflict: the ticket is finished.
        """
        name = checked_name(file_name)
        return await self._database.write(self._attach, speaker, uuid, name)

    async def attachment(self, speaker: Speaker, uuid: UUID, reference: str) -> FileRecord:
        """Return a file of a channel.

        Raises:
            NotFound: no such channel, or no such file in it.
        """

        def read(connection: Connection) -> FileRecord:
            channel = require_channel(connection, speaker, uuid)
            record = files.find(connection, file_in(reference))
            return require_attachment(record, channel, reference)

        return await self._database.read(read)

    # What follows runs in a database thread, each in one transaction.

    def _say(
        self, connection: Connection, speaker: Speaker, uuid: UUID, words: str, ref: str | None
    ) -> Message:
        channel = require_open(require_channel(connection, speaker, uuid))
        message = self._message(connection, channel, speaker, words)
        if ref is not None:
            record = files.find(connection, file_in(ref))
            attached = require_attachment(record, channel, ref)
            if attached.stored_at is None:
                detail = "This file was not uploaded yet. Upload it to its link, then say so."
                raise Invalid("chat.not_uploaded", detail, field="file_reference")
            message = replace(
                message, type="attachment", file_id=attached.id, file_name=attached.name
            )
        return self._write_down(connection, channel, message)

    def _ping(self, connection: Connection, speaker: Speaker, uuid: UUID) -> Channel:
        channel = require_channel(connection, speaker, uuid)
        before = chat.last_control(connection, channel.ticket_id)
        if before is None or self._clock() - before >= PING_GAP:
            message = self._message(connection, channel, speaker, "")
            self._write_down(connection, channel, replace(message, type="control"))
        return channel

    def _attach(
        self, connection: Connection, speaker: Speaker, uuid: UUID, name: str
    ) -> Attachment:
        channel = require_open(require_channel(connection, speaker, uuid))
        record = FileRecord(
            id=uuid4(),
            tenant_id=channel.tenant_id,
            ticket_id=channel.ticket_id,
            note_id=None,
            name=name,
            content_type=kind_of(name).content_type,
            created_by=sender_of(speaker),
            created_at=self._clock(),
        )
        files.reserve(connection, record)
        return attachment_of(record, channel.uuid)

    def _message(
        self, connection: Connection, channel: Channel, speaker: Speaker, words: str
    ) -> Message:
        return Message(
            uuid=uuid4(),
            ticket_id=channel.ticket_id,
            type="text",
            sender=sender_of(speaker),
            sender_name=_name_of(connection, speaker),
            content=words,
            created_at=self._clock(),
        )

    def _write_down(self, connection: Connection, channel: Channel, message: Message) -> Message:
        stored = replace(message, id=chat.add(connection, message))
        event = Event(
            type=SAID,
            subject=f"channel:{channel.uuid}",
            tenant_id=channel.tenant_id,
            payload=message_shape(channel.uuid, stored),
            occurred_at=message.created_at,
        )
        events.append(connection, event)
        return stored


def _name_of(connection: Connection, speaker: Speaker) -> str:
    """Return what people read as the sender: a person's name, or the operator's."""
    if isinstance(speaker, CustomerPrincipal):
        known = people.current_user(connection, speaker.user_id)
        parts = () if known is None else (known.user.given_name, known.user.family_name)
        return " ".join(part for part in parts if part)
    return people.operator_name(connection, speaker.client_id)
