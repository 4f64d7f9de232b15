"""Channels and what is said in them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, Row, Select, func, insert, select

from gateway.domain.ticket import OPEN_STATES, TicketState
from gateway.storage.queries.outsources import served_by
from gateway.storage.tables.chat import chat_message
from gateway.storage.tables.files import file
from gateway.storage.tables.tickets import ticket

#: What people said; control messages are for listeners of the moment.
SPOKEN = ("text", "attachment")


@dataclass(frozen=True, slots=True)
class Channel:
    """Where garage and operator talk about a ticket.

    Attributes:
        uuid: the ticket's, and the channel's name.
        ticket_id: the ticket's number.
        tenant_id: the garage.
        provider_id: who serves it.
        is_open: the ticket is not finished, so that things can be said.
    """

    uuid: UUID
    ticket_id: int
    tenant_id: int
    provider_id: int
    is_open: bool


@dataclass(frozen=True, slots=True)
class Message:
    """One thing said.

    Attributes:
        id: ascending within a channel; 0 while not stored.
        uuid: its name for others.
        ticket_id: whose channel.
        type: ``text``, ``attachment`` or ``control``.
        sender: ``user:UUID`` or ``operator:CLIENT``.
        sender_name: for people to read; may be empty.
        content: the words; may be empty for an attachment.
        file_id: what is attached.
        file_name: as it is called.
        created_at: UTC.
    """

    uuid: UUID
    ticket_id: int
    type: str
    sender: str
    sender_name: str
    content: str
    created_at: datetime
    file_id: UUID | None = None
    file_name: str | None = None
    id: int = 0


def find_channel(
    connection: Connection,
    uuid: UUID,
    *,
    tenant_id: int | None = None,
    provider_id: int | None = None,
) -> Channel | None:
    """Return the channel of a ticket of this garage or provider; foreign ones are not there."""
    query = _channels().where(ticket.c.uuid == uuid)
    return _channel(connection, query, tenant_id, provider_id)


def find_channel_of_ticket(
    connection: Connection, ticket_id: int, *, provider_id: int
) -> Channel | None:
    """Return the channel of a ticket of this provider."""
    query = _channels().where(ticket.c.id == ticket_id)
    return _channel(connection, query, None, provider_id)


def add(connection: Connection, message: Message) -> int:
    """Store what was said and return its number."""
    stored = (
        insert(chat_message)
        .values(
            uuid=message.uuid,
            ticket_id=message.ticket_id,
            type=message.type,
            sender=message.sender,
            sender_name=message.sender_name,
            content=message.content,
            file_id=message.file_id,
            created_at=message.created_at,
        )
        .returning(chat_message.c.id)
    )
    return int(connection.execute(stored).scalar_one())


def after(
    connection: Connection, ticket_id: int, message_id: int, limit: int
) -> tuple[Message, ...]:
    """Return what came behind a message, control messages too, oldest first."""
    query = (
        _messages()
        .where(chat_message.c.ticket_id == ticket_id, chat_message.c.id > message_id)
        .order_by(chat_message.c.id)
        .limit(limit)
    )
    return tuple(_message(row) for row in connection.execute(query))


def spoken(
    connection: Connection, ticket_id: int, *, before: int | None, limit: int
) -> tuple[Message, ...]:
    """Return what people said before a message, or up to now; the newest first."""
    query = _messages().where(
        chat_message.c.ticket_id == ticket_id, chat_message.c.type.in_(SPOKEN)
    )
    if before is not None:
        query = query.where(chat_message.c.id < before)
    rows = connection.execute(query.order_by(chat_message.c.id.desc()).limit(limit))
    return tuple(_message(row) for row in rows)


def last_id(connection: Connection, ticket_id: int) -> int:
    """Return the number of the newest message of a channel, 0 when there is none."""
    newest: int | None = connection.execute(
        select(func.max(chat_message.c.id)).where(chat_message.c.ticket_id == ticket_id)
    ).scalar_one()
    return newest or 0


def last_control(connection: Connection, ticket_id: int) -> datetime | None:
    """Return when the newest control message was sent."""
    newest: datetime | None = connection.execute(
        select(chat_message.c.created_at)
        .where(chat_message.c.ticket_id == ticket_id, chat_message.c.type == "control")
        .order_by(chat_message.c.id.desc())
        .limit(1)
    ).scalar_one_or_none()
    return newest


def _channels() -> Select[tuple[object, ...]]:
    # What is only prepared has nobody at its other end yet.
    return select(
        ticket.c.uuid, ticket.c.id, ticket.c.tenant_id, ticket.c.provider_id, ticket.c.state
    ).where(ticket.c.state != int(TicketState.PREPARED))


def _channel(
    connection: Connection,
    query: Select[tuple[object, ...]],
    tenant_id: int | None,
    provider_id: int | None,
) -> Channel | None:
    if tenant_id is not None:
        query = query.where(ticket.c.tenant_id == tenant_id)
    if provider_id is not None:
        query = query.where(served_by(provider_id))
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    is_open = TicketState(row.state) in OPEN_STATES
    return Channel(row.uuid, row.id, row.tenant_id, row.provider_id, is_open)


def _messages() -> Select[tuple[object, ...]]:
    return select(*chat_message.columns, file.c.name.label("file_name")).outerjoin(
        file, file.c.id == chat_message.c.file_id
    )


# Row is generic in its tuple type, which a select of starred columns does not tell.
def _message(row: Row[tuple[object, ...]]) -> Message:
    return Message(**{name: getattr(row, name) for name in Message.__dataclass_fields__})
