"""What a link's machine tells its program."""

from __future__ import annotations

import msgspec

from protocols.link.messages import Channel, Hello, Message


class Event(msgspec.Struct, frozen=True, gc=False):
    """Root of all events."""


class HelloReceived(Event, frozen=True):
    """Gateway: somebody dials in. Answer with ``challenge()`` or ``close()``."""

    hello: Hello


class Proved(Event, frozen=True):
    """Gateway: the connector is who it says. Answer with ``welcome()`` or ``close()``."""

    hello: Hello


class Live(Event, frozen=True):
    """The link is up.

    Attributes:
        resumed: an interrupted link goes on; else everything of an earlier one is gone.
    """

    resumed: bool


class MessageReceived(Event, frozen=True):
    """A message for the program. Call ``consumed(channel)`` once it is dealt with."""

    message: Message
    channel: Channel


class FramesReceived(Event, frozen=True):
    """A batch of raw frames (see :mod:`protocols.can.batch`), as bytes. Call ``consumed``."""

    batch: bytes


class RoundTripMeasured(Event, frozen=True):
    """Gateway: a ping was answered.

    Attributes:
        seconds: smoothed round trip.
        clock_offset_us: connector's clock minus ours.
    """

    seconds: float
    clock_offset_us: int


class Closed(Event, frozen=True):
    """The link is over; the last event.

    Attributes:
        code: a ``CloseCode``, as a number because a newer peer may know more of them.
        reason: for people.
        retry_after_ms: the peer's wish, if any.
        by_peer: the peer ended it.
    """

    code: int
    reason: str
    retry_after_ms: int | None = None
    by_peer: bool = False
