"""What an operator's client may say, as typed records.

Text messages are JSON objects with an ``action``, or arrays of them: a client with many exchanges
in flight saves most of what a message costs. Answers come as arrays likewise to a client that
connects with ``?batch=1``. Binary messages are frames for a session's
vehicle: 16 bytes session id, then one batch (:mod:`protocols.can.batch`); those that come back
have the same form, or with ``?batch=1`` hold several (:mod:`protocols.can.bundle`).
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from gateway.domain.errors import Invalid
from gateway.sessions.targets import EcuAddress
from gateway.web.bodies import from_json
from protocols.can.frame import MAX_STANDARD_ID

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

    def __post_init__(self) -> None:
        if self.id > MAX_STANDARD_ID and not self.extended:
            raise ValueError("an id above 0x7FF has 29 bits: say extended as well")


class Subscribe(msgspec.Struct, frozen=True, tag_field="action", tag="subscribe"):
    """Ask for a stream of a session.

    Attributes:
        session: its id.
        stream: ``news`` (exchanges, lease, end) or ``frames``.
        bus: which bus, for frames.
        filters: which frames; none means all.
        format: ``binary`` batches or ``json`` objects, for frames.
        decode: let frames carry names and units, where a description knows them; with ``json``.
        reference: echoed in the answer.
    """

    session: str
    stream: Literal["news", "frames"]
    bus: str = ""
    filters: Annotated[tuple[FilterSpec, ...], msgspec.Meta(max_length=64)] = ()
    format: Literal["binary", "json"] = "binary"
    decode: bool = False
    reference: Reference = msgspec.field(default=None, name="id")


class Unsubscribe(msgspec.Struct, frozen=True, tag_field="action", tag="unsubscribe"):
    """Stop a stream that was asked for with the same members."""

    session: str
    stream: Literal["news", "frames"]
    bus: str = ""
    reference: Reference = msgspec.field(default=None, name="id")


class Pause(msgspec.Struct, frozen=True, tag_field="action", tag="pause"):
    """Hold a stream of frames; what comes meanwhile is dropped and counted."""

    session: str
    bus: str = ""
    reference: Reference = msgspec.field(default=None, name="id")


class Resume(msgspec.Struct, frozen=True, tag_field="action", tag="resume"):
    """Go on with a stream of frames that was held."""

    session: str
    bus: str = ""
    reference: Reference = msgspec.field(default=None, name="id")


class FrameSpec(msgspec.Struct, frozen=True):
    """One frame to send; ``data`` is hexadecimal."""

    id: Annotated[int, msgspec.Meta(ge=0, le=0x1FFFFFFF)]
    data: Annotated[str, msgspec.Meta(max_length=3 * 64)] = ""
    extended: bool = False
    fd: bool = False
    brs: bool = False
    remote: bool = False


class SendFrames(msgspec.Struct, frozen=True, tag_field="action", tag="send"):
    """Put frames on a bus, in this order; the answer says that they are on their way.

    Attributes:
        session: that holds the lease.
        bus: name of a CAN bus.
        frames: what to send.
        reference: echoed in the answer.
    """

    session: str
    bus: str
    frames: Annotated[tuple[FrameSpec, ...], msgspec.Meta(min_length=1, max_length=1024)]
    reference: Reference = msgspec.field(default=None, name="id")


class Ping(msgspec.Struct, frozen=True, tag_field="action", tag="ping"):
    """Answered when everything before it has been dealt with, but for exchanges."""

    reference: Reference = msgspec.field(default=None, name="id")


class ExchangeMessage(msgspec.Struct, frozen=True, tag_field="action", tag="exchange"):
    """One request to the vehicle; the answer has the same ``id``.

    Attributes:
        session: that holds the lease.
        ecu: whom to ask.
        request: hexadecimal.
        reference: echoed in the answer.
        decode: say what request and answers mean, where a description knows it.
    """

    session: str
    ecu: EcuAddress
    request: str
    reference: Reference = msgspec.field(default=None, name="id")
    decode: bool = True


class JobMessage(msgspec.Struct, frozen=True, tag_field="action", tag="job"):
    """Something to do with a transfer job; how it stands comes with the session's news.

    Attributes:
        session: that holds the lease on the job's vehicle.
        job: its id.
        do: what to do.
        key: hexadecimal, for ``key``.
        reference: echoed in the answer.
    """

    session: str
    job: str
    do: Literal["key", "pause", "resume", "abort"]
    key: Annotated[str, msgspec.Meta(max_length=2 * 4093)] = ""
    reference: Reference = msgspec.field(default=None, name="id")


class LeaseMessage(msgspec.Struct, frozen=True, tag_field="action", tag="lease"):
    """Something about the lease on a session's vehicle; what comes of it is in its news as well.

    Attributes:
        session: its id.
        do: ``take`` it where it is free, ``take_over`` after notice to its holder, ``release``
            it or one's claim to it.
        reference: echoed in the answer.
    """

    session: str
    do: Literal["take", "take_over", "release"]
    reference: Reference = msgspec.field(default=None, name="id")


ClientMessage = (
    Authenticate
    | Subscribe
    | Unsubscribe
    | Pause
    | Resume
    | SendFrames
    | Ping
    | ExchangeMessage
    | JobMessage
    | LeaseMessage
)

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


class _Referred(msgspec.Struct, frozen=True):
    """As much of a message as its refusal needs."""

    reference: Reference = msgspec.field(default=None, name="id")


_referred = msgspec.json.Decoder(_Referred)


def reference_in(text: str) -> Reference:
    """Return the ``id`` of a message that :func:`parse` refused; ``None`` without a good one.

    An array is refused as one, and has none.
    """
    try:
        return _referred.decode(text.encode()).reference
    except (msgspec.DecodeError, RecursionError):
        return None


def _explain(data: bytes) -> ClientMessage:
    """Decode again, slowly, for an error that says what is wrong."""
    if data.lstrip()[:1] == b"[":
        from_json(data, list[ClientMessage])
        raise Invalid("socket.too_many", f"An array holds at most {MOST_AT_ONCE} messages.")
    # A union is a type to msgspec, but not to the type checker's `type[T]`.
    message: ClientMessage = from_json(data, ClientMessage)  # type: ignore[arg-type]
    return message
