"""Is the other end still there, how far away is it, and what does its clock say?

The gateway pings once per interval and the connector answers at once. Anything that is received
counts as a sign of life; three silent intervals mean the connection is half open and dead.

The interval may change while the connection stands: a link that idles is pinged seldom, because
ten thousand of them are most of what a gateway does; one that somebody works on is pinged often,
because its loss must be found soon. Each ping says which interval is in force, so both ends give
up at the same time.
"""

from __future__ import annotations

from typing import NamedTuple

#: Silent ping intervals after which a link is given up.
SILENT_INTERVALS = 3

#: Weight of a new sample in the smoothed round trip, as TCP does it (RFC 6298: 1/8).
_GAIN = 1 / 8


class RoundTrip(NamedTuple):
    """What one answered ping tells.

    Attributes:
        seconds: smoothed round trip.
        clock_offset_us: peer's clock minus ours, microseconds; off by half the asymmetry of the
            path at most. From the quickest round trip of late, which is the least asymmetric.
    """

    seconds: float
    clock_offset_us: int


class Health:
    """The timers and estimates of one connection."""

    def __init__(self, interval: float, now: float) -> None:
        self.interval = interval
        self.last_heard = now
        #: When the link counts as dead, unless something is heard before.
        self.silent_at = now + SILENT_INTERVALS * interval
        self.next_ping = now
        self._sent: dict[int, float] = {}
        self._number = 0
        self._smoothed: float | None = None
        self._best: tuple[float, int] | None = None

    def heard(self, now: float) -> None:
        """Note a sign of life."""
        self.last_heard = now
        self.silent_at = now + SILENT_INTERVALS * self.interval

    def pace(self, interval: float, now: float) -> None:
        """Go on with another interval; when it differs, a ping is due at once."""
        if interval == self.interval:
            return
        longest = max(interval, self.interval)
        self.interval = interval
        self.next_ping = now
        # A silence that was in order until now gets three of the new intervals to end, and never
        # more than three of the longest: however often the pace changes, a dead link is found.
        self.silent_at = min(self.last_heard + SILENT_INTERVALS * longest, now + self.patience)

    @property
    def patience(self) -> float:
        """Seconds of silence that are still fine."""
        return SILENT_INTERVALS * self.interval

    def ping(self, now: float) -> int:
        """Return the id of a ping that goes out now, and plan the next."""
        self._number += 1
        self.next_ping = now + self.interval
        # Pings that were never answered fall out with the silence limit; keep no more than that.
        while len(self._sent) > SILENT_INTERVALS:
            del self._sent[next(iter(self._sent))]
        self._sent[self._number] = now
        return self._number

    def pong(self, number: int, clock_us: int, now: float) -> RoundTrip | None:
        """Take an answer; ``None`` when it belongs to no ping of ours."""
        sent = self._sent.pop(number, None)
        if sent is None:
            return None
        sample = now - sent
        if self._smoothed is None:
            self._smoothed = sample
        else:
            self._smoothed += _GAIN * (sample - self._smoothed)
        offset = clock_us - round((sent + now) / 2 * 1e6)
        # A quick sample stays the reference for a while; its weight fades so that clock drift
        # (tens of microseconds a second between cheap crystals) is followed.
        if self._best is None or sample <= self._best[0] * 1.25:
            self._best = (sample, offset)
        else:
            self._best = (self._best[0] * 1.1, self._best[1])
        return RoundTrip(self._smoothed, self._best[1])
