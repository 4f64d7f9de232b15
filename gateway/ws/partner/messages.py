"""What a partner's client may say: JSON objects whose ``action`` selects the message."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import msgspec

from gateway.web.bodies import from_json

#: A type (``tickets.ticket.created``), a family of them (``tickets.ticket.*``), or ``*``.
EventType = Annotated[
    str, msgspec.Meta(max_length=64, pattern=r"^(\*|[a-z0-9_]+(\.[a-z0-9_]+)*(\.\*)?)$")
]


class Authenticate(msgspec.Struct, frozen=True, tag_field="action", tag="authenticate"):
    """Prove who is there: the first message without a token in the upgrade, or a fresh token."""

    access_token: str


class SubscribeToConnector(
    msgspec.Struct, frozen=True, tag_field="action", tag="subscribe-to-connector"
):
    """Ask for updates of a connector, at once and then at the interval of this server."""

    connector_id: UUID


class UnsubscribeFromConnector(
    msgspec.Struct, frozen=True, tag_field="action", tag="unsubscribe-from-connector"
):
    """Ask for them no more."""

    connector_id: UUID


class SubscribeToEvent(msgspec.Struct, frozen=True, tag_field="action", tag="subscribe-to-event"):
    """Ask for events of a type.

    Attributes:
        event_type: which.
        after_id: the last event the client knows; those behind it come first. Without it only
            what happens from now on.
    """

    event_type: EventType
    after_id: Annotated[str, msgspec.Meta(max_length=26)] | None = None


class UnsubscribeFromEvent(
    msgspec.Struct, frozen=True, tag_field="action", tag="unsubscribe-from-event"
):
    """Ask for them no more; ``event_type`` as it was asked for."""

    event_type: EventType


ClientMessage = (
    Authenticate
    | SubscribeToConnector
    | UnsubscribeFromConnector
    | SubscribeToEvent
    | UnsubscribeFromEvent
)


def parse(data: str | bytes) -> ClientMessage:
    """Return what a client said.

    Raises:
        Invalid: it is no JSON object, the action is unknown, or a member is wrong.
    """
    # A union is a type to msgspec, but not to the type checker's `type[T]`.
    message: ClientMessage = from_json(
        data if isinstance(data, bytes) else data.encode(),
        ClientMessage,  # type: ignore[arg-type]
    )
    return message
