"""Numbering, acknowledgement and replay: the part of a link that outlives a connection.

Theory: whatever is numbered waits in its channel's queue until the connection asks for it, gets
its number at that moment (so priorities hold until the last instant), and is kept until the peer
has acknowledged it. After a reconnection the peer says what it received last; what it has is
forgotten, the rest goes out again with its old numbers. The receiving side takes number n+1
after n, knows anything older for a duplicate, and anything later for a broken peer.

Bounds: a queue that is full refuses (nothing numbered is ever dropped); when too much is
unacknowledged, nothing new is numbered until the peer acknowledges.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.link.envelope import distance, following
from protocols.link.messages import Channel, CloseCode


class ChannelFull(LocalProtocolError):
    """A channel is at its bound; nothing was queued. Try again when the link has drained."""


class Numbered(NamedTuple):
    """A message that has its number."""

    channel: Channel
    number: int
    body: bytes


@dataclass(frozen=True, slots=True)
class DeliveryLimits:
    """Bounds of what one link keeps in memory.

    Attributes:
        queued: messages that may wait on each channel.
        kept: messages that may be unacknowledged.
        kept_bytes: their bodies' bytes; at least one message is always let through.
    """

    queued: int = 256
    kept: int = 512
    kept_bytes: int = 4 << 20


@dataclass(frozen=True, slots=True)
class DeliveryStatistics:
    """Counters for people and metrics."""

    queued: int
    kept: int
    kept_bytes: int
    duplicates: int
    replayed: int


#: What is to be sent again before anything ever was: one for all, nothing is ever put into it.
_NOTHING: deque[Numbered] = deque(maxlen=0)


class Delivery:
    """One link's memory. Belongs to whoever may resume the link; a connection borrows it."""

    def __init__(self, limits: DeliveryLimits | None = None, *, token: bytes = b"") -> None:
        self.limits = limits or DeliveryLimits()
        self.token = token
        self.received = 0
        self._sent = 0
        self._queues: dict[Channel, deque[bytes]] = {}
        self._again = _NOTHING
        self._kept: deque[Numbered] = deque()
        self._kept_bytes = 0
        self._duplicates = 0
        self._replayed = 0

    def queue(self, channel: Channel, body: bytes) -> None:
        """Put a body in line.

        Raises:
            ChannelFull: the channel's bound is reached; nothing changed.
        """
        line = self._queues.get(channel)
        if line is None:
            line = self._queues[channel] = deque()
        if len(line) >= self.limits.queued:
            raise ChannelFull(f"{len(line)} messages wait on channel {channel.name} already")
        line.append(body)

    def waiting(self, channel: Channel) -> int:
        """Return how many messages of a channel have not been sent for the first time."""
        return len(self._queues.get(channel, ()))

    def take(self, may_send: Callable[[Channel], bool]) -> Numbered | None:
        """Return the next message to send, numbered and kept, or ``None``.

        Replays come first, in their old order. Then channels by priority; ``may_send`` says
        which of them have credit.
        """
        if self._again:
            return self._take_again(may_send)
        if len(self._kept) >= self.limits.kept or self._kept_bytes >= self.limits.kept_bytes:
            return None
        for channel in sorted(self._queues):
            if self._queues[channel] and may_send(channel):
                return self._number(channel)
        return None

    @property
    def replaying(self) -> bool:
        """What :meth:`take` returns next has been sent before."""
        return bool(self._again)

    def _take_again(self, may_send: Callable[[Channel], bool]) -> Numbered | None:
        if not may_send(self._again[0].channel):
            return None
        self._replayed += 1
        message = self._again.popleft()
        self._keep(message)
        return message

    def _number(self, channel: Channel) -> Numbered:
        self._sent = following(self._sent)
        message = Numbered(channel, self._sent, self._queues[channel].popleft())
        if not self._queues[channel]:
            # Idle links are many: an empty queue is not worth its memory.
            del self._queues[channel]
        self._keep(message)
        return message

    def _keep(self, message: Numbered) -> None:
        self._kept.append(message)
        self._kept_bytes += len(message.body)

    def acknowledged(self, number: int) -> None:
        """Forget what the peer has: everything up to ``number``.

        Raises:
            RemoteProtocolError: it acknowledges what was never sent.
        """
        if distance(number, self._sent) > 0:
            raise RemoteProtocolError(
                f"number {number} acknowledged, but only {self._sent} were sent",
                code=CloseCode.PROTOCOL,
            )
        while self._kept and distance(self._kept[0].number, number) <= 0:
            self._kept_bytes -= len(self._kept.popleft().body)

    def expects(self, number: int) -> bool:
        """Tell whether the message of this number is the next; older ones count as duplicates.

        Raises:
            RemoteProtocolError: a number was left out.
        """
        steps = distance(number, self.received)
        if steps > 1:
            raise RemoteProtocolError(
                f"number {number} after {self.received}: something is missing",
                code=CloseCode.PROTOCOL,
            )
        if steps <= 0:
            self._duplicates += 1
            return False
        return True

    def can_rewind(self, received: int) -> bool:
        """Tell whether a peer that has everything up to ``received`` can be served from here."""
        if distance(received, self._sent) > 0:
            return False
        oldest = next(iter((*self._kept, *self._again)), None)
        first = following(self._sent) if oldest is None else oldest.number
        return distance(following(received), first) >= 0

    def rewind(self, received: int) -> None:
        """Make ready to go on after a reconnection: the peer has everything up to ``received``.

        Raises:
            RemoteProtocolError: the peer claims more than was ever sent, or less than it had
                acknowledged before.
        """
        if not self.can_rewind(received):
            raise RemoteProtocolError(
                f"the peer claims to have {received} of {self._sent}: what follows is gone, or "
                "was never sent",
                code=CloseCode.PROTOCOL,
            )
        pending = (*self._kept, *self._again)
        self._again = deque(kept for kept in pending if distance(kept.number, received) > 0)
        self._kept.clear()
        self._kept_bytes = 0

    def renewed(self, token: bytes) -> Delivery:
        """Return the memory of a new link in this one's place.

        What waited for the very first link goes along. What belongs to an interrupted one does
        not: its conversation is over.
        """
        fresh = Delivery(self.limits, token=token)
        if not self.token:
            fresh._queues = self._queues
        return fresh

    def idle(self) -> bool:
        """Tell whether nothing waits, and everything sent has been acknowledged."""
        return not (self._queues or self._again or self._kept)

    def statistics(self) -> DeliveryStatistics:
        """Return the counters as they stand."""
        return DeliveryStatistics(
            queued=sum(map(len, self._queues.values())),
            kept=len(self._kept) + len(self._again),
            kept_bytes=self._kept_bytes,
            duplicates=self._duplicates,
            replayed=self._replayed,
        )
