"""How many messages each side may send on a channel, so that one slow reader stalls only itself.

The receiver grants: "you may have sent up to N messages on this channel since this connection
began". A grant is a total, not an increment, so one that arrives twice, or late, does no harm.

An :class:`Inbox` outlives the connection as the delivery does, because what its program has not
consumed yet still takes up room after a reconnection. An :class:`Allowance` is the other
direction, and begins anew with each connection.
"""

from __future__ import annotations

from collections.abc import Mapping

from protocols.errors import RemoteProtocolError
from protocols.link.messages import Channel, CloseCode

#: Messages a receiver takes ahead of its program, by channel. Exchanges: as many as a session of
#: a whole workshop runs side by side. Frames: batches; 32 of 10 ms cover a third of a second.
DEFAULT_WINDOWS: Mapping[Channel, int] = {
    Channel.CONTROL: 64,
    Channel.EXCHANGE: 128,
    Channel.JOB: 32,
    Channel.FILE: 32,
    Channel.FRAME: 32,
}


class Inbox:
    """What this side has received and not consumed yet, by channel."""

    def __init__(self, windows: Mapping[Channel, int] = DEFAULT_WINDOWS) -> None:
        self.windows = windows
        self._backlog: dict[Channel, int] = {}
        self._received: dict[Channel, int] = {}
        self._granted: dict[Channel, int] = {}

    def begin(self) -> dict[int, int]:
        """Start counting for a new connection; return the grants to open it with."""
        self._received = {}
        self._granted = {
            channel: window - self._backlog.get(channel, 0)
            for channel, window in self.windows.items()
        }
        return {int(channel): limit for channel, limit in self._granted.items()}

    def received(self, channel: Channel) -> None:
        """Count a message.

        Raises:
            RemoteProtocolError: the peer had no credit left for it.
        """
        count = self._received.get(channel, 0) + 1
        if count > self._granted.get(channel, 0):
            raise RemoteProtocolError(
                f"channel {channel.name}: message {count} exceeds the granted credit of "
                f"{self._granted.get(channel, 0)}",
                code=CloseCode.CREDIT,
            )
        self._received[channel] = count
        self._backlog[channel] = self._backlog.get(channel, 0) + 1

    def consumed(self, channel: Channel) -> int | None:
        """Count a message as dealt with; return the new limit when it is worth telling."""
        self._backlog[channel] -= 1
        window = self.windows[channel]
        limit = self._received.get(channel, 0) + window - self._backlog[channel]
        # Half a window: seldom enough to cost nothing, early enough that a steady sender
        # never waits for a grant within one round trip.
        if limit - self._granted.get(channel, 0) < (window + 1) // 2:
            return None
        self._granted[channel] = limit
        return limit

    def backlog(self, channel: Channel) -> int:
        """Return how many messages of a channel wait for the program."""
        return self._backlog.get(channel, 0)


class Allowance:
    """What this side may still send on this connection, by channel."""

    def __init__(self, limits: Mapping[int, int]) -> None:
        self._limits: dict[Channel, int] = {
            channel: limits[channel] for channel in Channel if channel in limits
        }
        self._used: dict[Channel, int] = {}

    def may_send(self, channel: Channel) -> bool:
        """Tell whether there is credit for one more message."""
        return self._used.get(channel, 0) < self._limits.get(channel, 0)

    def use(self, channel: Channel) -> None:
        """Count a message that goes out."""
        self._used[channel] = self._used.get(channel, 0) + 1

    def grant(self, channel: int, limit: int) -> None:
        """Take a grant; one that is lower than a former one came late and says nothing.

        Raises:
            RemoteProtocolError: there is no such channel.
        """
        if not 0 <= channel < len(Channel):
            raise RemoteProtocolError(f"credit for channel {channel}", code=CloseCode.PROTOCOL)
        known = Channel(channel)
        self._limits[known] = max(limit, self._limits.get(known, 0))
