"""What a portal may say: JSON objects whose ``action`` selects the message.

Unsubscribing is spelled ``unsubscribeFromConnector`` but ``unsubscribeToTicket`` and
``unsubscribeToConnection`` in the documents; both words are taken for all
of them. Channels are this product's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Any
from uuid import UUID

import msgspec

from gateway.chat.channels import channel_uuid
from gateway.domain.errors import Invalid
from gateway.web.bodies import RowId, convert, from_json


class Kind(Enum):
    """What can be followed; the value is the word in the action."""

    CONNECTOR = "Connector"
    TICKET = "Ticket"
    CONNECTION = "Connection"
    CHANNEL = "Channel"


@dataclass(frozen=True, slots=True)
class Followed:
    """One thing that can be followed.

    Attributes:
        kind: of what kind.
        id: number of the connector or ticket, UUID of the connection or channel.
    """

    kind: Kind
    id: int | UUID

    @property
    def action(self) -> str:
        """The action of its updates."""
        return f"subscribeTo{self.kind.value}"


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Begin to follow; again for the same thing asks for an update at once.

    Attributes:
        followed: what.
        after: of a channel: the number of the last message the client has; ``None`` for a client
            that wants new ones alone.
    """

    followed: Followed
    after: int | None = None


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """Follow no more."""

    followed: Followed


class Authenticate(msgspec.Struct, frozen=True):
    """Prove who is there: the first message without a token in the upgrade, or a fresh token."""

    access_token: str


ClientMessage = Subscribe | Unsubscribe | Authenticate


class _ConnectorMember(msgspec.Struct, frozen=True):
    connector_id: RowId


class _TicketMember(msgspec.Struct, frozen=True):
    ticket_id: RowId


class _ConnectionMember(msgspec.Struct, frozen=True):
    connection_uuid: UUID


class _ChannelMembers(msgspec.Struct, frozen=True):
    channel_id: Annotated[str, msgspec.Meta(max_length=100)]
    after: RowId | None = None


_VERBS: dict[str, type[Subscribe | Unsubscribe]] = {
    "subscribeTo": Subscribe,
    "unsubscribeFrom": Unsubscribe,
    "unsubscribeTo": Unsubscribe,
}
_ACTIONS = {
    f"{verb}{kind.value}": (message, kind) for verb, message in _VERBS.items() for kind in Kind
}


def parse(data: str | bytes) -> ClientMessage:
    """Return what a client said.

    Raises:
        Invalid: it is no JSON object, the action is unknown, or a member is wrong.
        NotFound: it names a channel that cannot be one.
    """
    # Any: untyped until the action tells what it is.
    document = from_json(data if isinstance(data, bytes) else data.encode(), dict[str, Any])
    action = document.get("action")
    if action == "authenticate":
        return convert(document, Authenticate)
    if not isinstance(action, str) or action not in _ACTIONS:
        known = ", ".join((*_ACTIONS, "authenticate"))
        detail = f"There is no action {action!r:.100}. Use one of {known}."
        raise Invalid("socket.action_unknown", detail, field="action")
    message, kind = _ACTIONS[action]
    if kind is Kind.CHANNEL:
        members = convert(document, _ChannelMembers, lax=True)
        channel = Followed(kind, channel_uuid(members.channel_id))
        return Subscribe(channel, members.after) if message is Subscribe else message(channel)
    return message(Followed(kind, _id(document, kind)))


# Any: see parse.
def _id(document: dict[str, Any], kind: Kind) -> int | UUID:
    if kind is Kind.CONNECTOR:
        return convert(document, _ConnectorMember, lax=True).connector_id
    if kind is Kind.TICKET:
        return convert(document, _TicketMember, lax=True).ticket_id
    return convert(document, _ConnectionMember).connection_uuid
