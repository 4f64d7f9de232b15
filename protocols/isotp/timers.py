"""can-isotp's timer without its clock: time is what the call in progress says it is."""

from __future__ import annotations

from isotp.tools import Timer
from typing_extensions import override

_NANOSECONDS = 1_000_000_000


class Instant:
    """The ``now`` of the call in progress, shared by an engine and its timers."""

    __slots__ = ("now",)

    def __init__(self, now: float) -> None:
        self.now = now


class InstantTimer(Timer):
    """can-isotp's timer on an :class:`Instant`; due at its deadline, not after it."""

    def __init__(self, instant: Instant, seconds: float) -> None:
        self._instant = instant
        self.seconds = seconds
        self.deadline: float | None = None
        super().__init__(seconds)

    @override
    def set_timeout(self, timeout: float) -> None:
        self.seconds = timeout
        super().set_timeout(timeout)

    @override
    def start(self, timeout: float | None = None) -> None:
        if timeout is not None:
            self.set_timeout(timeout)
        self.deadline = self._instant.now + self.seconds
        self.start_time = int(self._instant.now * _NANOSECONDS)

    @override
    def stop(self) -> None:
        self.deadline = None
        self.start_time = None

    @override
    def elapsed(self) -> float:
        return self.elapsed_ns() / _NANOSECONDS

    @override
    def elapsed_ns(self) -> int:
        if self.start_time is None:
            return 0
        return int(self._instant.now * _NANOSECONDS) - self.start_time

    @override
    def is_timed_out(self) -> bool:
        return self.deadline is not None and self._instant.now >= self.deadline
