"""How many may come in at once: a fleet that lost its gateway must not drown it.

Each accepted connection is a visit. Visits come in while few enough handshakes are in progress
and the rate of accepts holds; the others are told to come back, each at a moment of its own, so
that the crowd returns as fast as it can be taken and no faster. When even telling them is too
much, they are closed unheard; a connector's own back-off spreads those.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

#: Longest pause that somebody turned away is asked for, seconds; the crowd beyond it is spread
#: over its second half.
LONGEST_PAUSE = 60.0


class Verdict(Enum):
    """What becomes of a connection that has just been accepted."""

    COME_IN = auto()
    COME_BACK = auto()
    CLOSED = auto()


@dataclass(frozen=True, slots=True)
class AdmissionLimits:
    """Bounds on newcomers.

    Attributes:
        handshakes: connections at once between accept and welcome; as many again may be told to
            come back. Telling costs a websocket, and is worth it: three thousand connectors that
            lost their gateway were back in 11 s, and in 25 s where most were left to their own
            back-off.
        rate: accepts per second on average; one second's worth may come at once.
    """

    handshakes: int = 1000
    rate: float = 500.0


class Visit:
    """One connection until it is a link, or gone. :meth:`over` may be called more than once."""

    __slots__ = ("_over", "verdict")

    def __init__(self, verdict: Verdict, over: Callable[[Verdict], None]) -> None:
        self.verdict = verdict
        self._over: Callable[[Verdict], None] | None = over

    def over(self) -> None:
        """Make room for the next."""
        over, self._over = self._over, None
        if over is not None:
            over(self.verdict)


class Admission:
    """Owned by the link port.

    Args:
        limits: bounds.
        jitter: returns a random number from 0 to 1.
        now: the time it begins, seconds.
    """

    def __init__(self, limits: AdmissionLimits, jitter: Callable[[], float], now: float) -> None:
        self._limits = limits
        self._jitter = jitter
        self._tokens = limits.rate
        self._filled_at = now
        self._booked_until = now
        self._inside: dict[Verdict, int] = dict.fromkeys(Verdict, 0)
        self._room = {
            Verdict.COME_IN: limits.handshakes,
            Verdict.COME_BACK: limits.handshakes,
        }

    @property
    def handshakes(self) -> int:
        """Handshakes in progress."""
        return self._inside[Verdict.COME_IN]

    def arrive(self, now: float) -> Visit:
        """Take somebody in, or not; the caller ends the visit with ``over()``."""
        verdict = self._judge(now)
        self._inside[verdict] += 1
        return Visit(verdict, self._leave)

    def _leave(self, verdict: Verdict) -> None:
        self._inside[verdict] -= 1

    def _judge(self, now: float) -> Verdict:
        self._fill(now)
        if self._has_room(Verdict.COME_IN) and self._tokens >= 1:
            self._tokens -= 1
            return Verdict.COME_IN
        return Verdict.COME_BACK if self._has_room(Verdict.COME_BACK) else Verdict.CLOSED

    def _fill(self, now: float) -> None:
        rate = self._limits.rate
        self._tokens = min(max(rate, 1.0), self._tokens + (now - self._filled_at) * rate)
        self._filled_at = now

    def _has_room(self, verdict: Verdict) -> bool:
        return self._inside[verdict] < self._room[verdict]

    def pause(self, now: float) -> float:
        """Return for how many seconds somebody turned away should stay away.

        Everybody who asks gets the next free moment at the accepted rate, give or take a second.
        """
        self._booked_until = max(self._booked_until, now) + 1 / self._limits.rate
        ahead = self._booked_until - now
        if ahead > LONGEST_PAUSE:
            self._booked_until = now + LONGEST_PAUSE
            return LONGEST_PAUSE * (0.5 + self._jitter() / 2)
        return ahead + self._jitter()

    def spread(self, pause: float) -> float:
        """Return a pause of half to one and a half times this, so that crowds come apart."""
        return pause * (0.5 + self._jitter())
