"""How many may come in at once: a fleet that lost its gateway must not drown it.

Who cannot be served yet stays in the kernel's listen queue, where it costs neither side anything:
the accept loop asks for its turn (:meth:`Admission.wait_turn`) before each connection, and gets
it while the rate of accepts holds and few enough handshakes are under way. A handshake counts
there for :data:`BRISK` seconds: one that takes longer waits for its network and not for us, and
must not keep others out, whether its network is bad or it never meant to say anything.

Each accepted connection is a visit. All handshakes together have a hard bound, beyond which
newcomers are told when to come back, each at a moment of its own; and those from one address have
one, beyond which they are closed unheard.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from ipaddress import IPv6Address

import trio

#: Longest pause that somebody turned away is asked for, seconds; the crowd beyond it is spread
#: over its second half.
LONGEST_PAUSE = 60.0

#: Seconds for which a handshake that goes on keeps the next one in the listen queue.
BRISK = 0.5


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
            come back.
        rate: accepts per second on average; one second's worth may come at once.
        per_address: connections of one address among these; ``None`` is no bound of their own,
            for where a balancer has them all come from its address.
        brisk: of these, how many may be younger than :data:`BRISK`. More would only wait for each
            other: whoever comes in is served within a fraction of a second, or it would be in the
            listen queue.
    """

    handshakes: int = 1000
    rate: float = 500.0
    per_address: int | None = None
    brisk: int = 128


class Visit:
    """One connection until it is a link, or gone. :meth:`over` may be called more than once."""

    __slots__ = ("_admission", "address", "began", "brisk", "verdict")

    def __init__(self, admission: Admission, verdict: Verdict, address: str, began: float) -> None:
        self.verdict = verdict
        self.address = address
        self.began = began
        self.brisk = verdict is not Verdict.CLOSED
        self._admission: Admission | None = admission

    def over(self) -> None:
        """Make room for the next."""
        admission, self._admission = self._admission, None
        if admission is not None:
            admission.leave(self)


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
        self._tokens = max(limits.rate, 1.0)
        self._filled_at = now
        self._booked_until = now
        self._inside: dict[Verdict, int] = dict.fromkeys(Verdict, 0)
        self._addresses: Counter[str] = Counter()
        self._young: deque[Visit] = deque()  # oldest first; those that are over leave with age
        self._brisk = 0
        self._coming = 0  # accepted, and their tasks have not begun yet
        self._left = trio.Event()

    @property
    def handshakes(self) -> int:
        """Handshakes in progress."""
        return self._inside[Verdict.COME_IN]

    # --- before a connection is accepted -------------------------------------------------------

    async def wait_turn(self) -> None:
        """Wait until the next connection may be accepted."""
        while (turn := self.next_turn(trio.current_time())) > trio.current_time():
            with trio.move_on_at(turn):
                await self._left.wait()

    def next_turn(self, now: float) -> float:
        """Return when the next may be accepted as things stand; not after ``now``: at once."""
        self._fill(now)
        self._age(now)
        if self._tokens < 1:
            return now + (1 - self._tokens) / self._limits.rate
        if self._brisk + self._coming >= self._limits.brisk:
            return self._young[0].began + BRISK if self._young else now + BRISK
        return now

    def accepted(self, now: float) -> None:
        """A connection was accepted in its turn; its own task calls :meth:`arrive`."""
        self._fill(now)
        self._tokens -= 1
        self._coming += 1

    def _fill(self, now: float) -> None:
        rate = self._limits.rate
        self._tokens = min(max(rate, 1.0), self._tokens + (now - self._filled_at) * rate)
        self._filled_at = now

    def _age(self, now: float) -> None:
        young = self._young
        while young and (not young[0].brisk or young[0].began + BRISK <= now):
            self._calm(young.popleft())

    def _calm(self, visit: Visit) -> None:
        self._brisk -= visit.brisk
        visit.brisk = False

    # --- after it ------------------------------------------------------------------------------

    def arrive(self, now: float, address: str = "") -> Visit:
        """Judge somebody who has been accepted; the caller ends the visit with ``over()``.

        Args:
            now: the time.
            address: of the peer; empty where there is none to tell one from the other.
        """
        self._age(now)
        self._coming = max(self._coming - 1, 0)
        address = neighbourhood(address)
        visit = Visit(self, self._judge(address), address, now)
        self._inside[visit.verdict] += 1
        if visit.brisk:
            self._addresses[address] += 1
            self._young.append(visit)
            self._brisk += 1
        return visit

    def _judge(self, address: str) -> Verdict:
        most = self._limits.per_address
        if most is not None and self._addresses[address] >= most:
            return Verdict.CLOSED
        for verdict in (Verdict.COME_IN, Verdict.COME_BACK):
            if self._inside[verdict] < self._limits.handshakes:
                return verdict
        return Verdict.CLOSED

    def leave(self, visit: Visit) -> None:
        """A visit is over: let whoever waits for its turn look again."""
        self._inside[visit.verdict] -= 1
        if visit.verdict is Verdict.CLOSED:
            return
        self._calm(visit)
        self._addresses[visit.address] -= 1
        if not self._addresses[visit.address]:
            del self._addresses[visit.address]
        self._left.set()
        self._left = trio.Event()

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


def neighbourhood(address: str) -> str:
    """Return what of an address one subscriber cannot change: an IPv4 address, an IPv6 /64."""
    if ":" not in address:
        return address
    known = IPv6Address(address)
    if known.ipv4_mapped is not None:
        return str(known.ipv4_mapped)
    return str(IPv6Address(int(known) >> 64 << 64))
