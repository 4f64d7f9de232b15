"""What an operator's client may say, as typed records.

Text messages are JSON objects with an ``action``. Binary messages are frames for a session's
vehicle: 16 bytes session id, then one batch (:mod:`protocols.can.batch`); those that come back
have the same form.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from gateway.sessions.targets import EcuAddress

#: What a client uses to match answers to its requests; echoed as it came.
Reference = int | Annotated[str, msgspec.Meta(max_length=64)] | None


class Authenticate(msgspec.Struct, frozen=True, tag_field="action", tag="authenticate"):
    """First message, where neither header nor query brought a token."""

    access_token: str


class FilterSpec(msgspec.Struct, frozen=True):
    """Frames whose ``id & mask`` equals ``self.id & mask``."""

    id: Annotated[int, msgspec.Meta(ge=0, le=0x1FFFFFFF)]
    mask: Annotated[int, msgspec.Meta(ge=0, le=0x1FFFFFFF)] = 0x1FFFFFFF
    extended: bool = False


class Subscribe(msgspec.Struct, frozen=True, tag_field="action", tag="subscribe"):
    """Ask for a stream of a session.

    Attributes:
        session: its id.
        stream: ``news`` (exchanges, lease, end) or ``frames``.
        bus: which bus, for frames.
        filters: which frames; none means all.
        format: ``binary`` batches or ``json`` objects, for frames.
        reference: echoed in the answer.
    """

    session: str
    stream: Literal["news", "frames"]
    bus: str = ""
    filters: Annotated[tuple[FilterSpec, ...], msgspec.Meta(max_length=64)] = ()
    format: Literal["binary", "json"] = "binary"
    reference: Reference = msgspec.field(default=None, name="id")


class Unsubscribe(msgspec.Struct, frozen=True, tag_field="action", tag="unsubscribe"):
    """Stop a stream that was asked for with the same members."""

    session: str
    stream: Literal["news", "frames"]
    bus: str = ""
    reference: Reference = msgspec.field(default=None, name="id")


class ExchangeMessage(msgspec.Struct, frozen=True, tag_field="action", tag="exchange"):
    """One request to the vehicle; the answer has the same ``id``."""

    session: str
    ecu: EcuAddress
    request: str
    reference: Reference = msgspec.field(default=None, name="id")


ClientMessage = Authenticate | Subscribe | Unsubscribe | ExchangeMessage
