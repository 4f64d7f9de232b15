"""What an operator's client may say, as typed records.

Text messages are JSON objects with an ``action``, or arrays of them: a client with many exchanges
in flight saves most of what a message costs. Answers come as arrays likewise to a client that
connects with ``?batch=1``. Binary messages are frames for a session's
vehicle: 16 bytes session id, then one batch (:mod:`protocols.can.batch`); those that come back
have the same form.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from gateway.domain.errors import Invalid
from gateway.sessions.targets import EcuAddress
from gateway.web.bodies import from_json

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

#: Messages one array may hold.
MOST_AT_ONCE = 256

_one = msgspec.json.Decoder(ClientMessage)
_many = msgspec.json.Decoder(Annotated[list[ClientMessage], msgspec.Meta(max_length=MOST_AT_ONCE)])


def parse(text: str) -> list[ClientMessage]:
    """Return the messages in a text message.

    Raises:
        Invalid: not JSON, or not of a known shape; ``field`` names the place.
    """
    data = text.encode()
    if b"\\u0000" in data:  # refused with the place where it stands
        return [_explain(data)]
    try:
        return _many.decode(data) if data.lstrip()[:1] == b"[" else [_one.decode(data)]
    except (msgspec.DecodeError, RecursionError):
        return [_explain(data)]


def _explain(data: bytes) -> ClientMessage:
    """Decode again, slowly, for an error that says what is wrong."""
    if data.lstrip()[:1] == b"[":
        from_json(data, list[ClientMessage])
        raise Invalid("socket.too_many", f"An array holds at most {MOST_AT_ONCE} messages.")
    # A union is a type to msgspec, but not to the type checker's `type[T]`.
    message: ClientMessage = from_json(data, ClientMessage)  # type: ignore[arg-type]
    return message
