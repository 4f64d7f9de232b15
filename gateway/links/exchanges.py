"""Requests in flight to one connector, matched to their results by id."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import trio

from gateway.domain.errors import GatewayError, Unavailable
from protocols.link.messages import ExchangeRequest, ExchangeResult
from protocols.link.vehicle import Target

#: Requests one connector may have in flight; more are refused rather than queued without end.
MAX_IN_FLIGHT = 128


#: Takes what came of a request: its result, or why there is none.
Done = Callable[[ExchangeResult | GatewayError], None]


class _Waiting:
    """One caller, and until when it waits."""

    __slots__ = ("done", "until")

    def __init__(self, done: Done, until: float) -> None:
        self.done = done
        self.until = until


class Exchanges:
    """The table of one connector; survives reconnections within the resume window.

    Args:
        send: queues a request.
        first: number of the first request. Another one each time, so that a result which was on
            its way when an earlier table was given up matches nothing in this one.
    """

    def __init__(self, send: Callable[[ExchangeRequest], None], *, first: int) -> None:
        self._send = send
        self._waiting: dict[int, _Waiting] = {}
        self._ids = itertools.count(first)

    def __len__(self) -> int:
        return len(self._waiting)

    def start(
        self, session: str, target: Target, request: bytes, done: Done, *, until: float = math.inf
    ) -> int:
        """Send a request; ``done`` is called once, when something has come of it.

        Returns:
            Its number, for :meth:`forget`.

        Raises:
            Unavailable: the connector is too busy.
        """
        if len(self._waiting) >= MAX_IN_FLIGHT:
            raise Unavailable(
                "connector.busy",
                f"This connector has {MAX_IN_FLIGHT} requests in flight. Wait for answers first.",
                retry_after=1,
            )
        number = next(self._ids)
        self._send(ExchangeRequest(number, session, target, request))
        self._waiting[number] = _Waiting(done, until)
        return number

    async def exchange(self, session: str, target: Target, request: bytes) -> ExchangeResult:
        """Send a request and wait for its result, however often the link breaks meanwhile.

        Raises:
            Unavailable: the connector is too busy, or its link was lost for good.
        """
        came: list[ExchangeResult | GatewayError] = []
        arrived = trio.Event()

        def done(outcome: ExchangeResult | GatewayError) -> None:
            came.append(outcome)
            arrived.set()

        number = self.start(session, target, request, done)
        try:
            await arrived.wait()
        finally:
            self.forget(number)
        if isinstance(came[0], GatewayError):
            raise came[0]
        return came[0]

    def forget(self, number: int) -> None:
        """Nobody waits for this request any more; its result will match nothing."""
        self._waiting.pop(number, None)

    def finish(self, result: ExchangeResult) -> bool:
        """Hand a result to its caller; tell whether somebody still waits for it."""
        waiting = self._waiting.pop(result.id, None)
        if waiting is None:
            return False
        waiting.done(result)
        return True

    def fail(self, reason: Callable[[], GatewayError]) -> None:
        """End every wait with an error of its own."""
        waiting, self._waiting = self._waiting, {}
        for one in waiting.values():
            one.done(reason())

    def expire(self, now: float, reason: Callable[[], GatewayError]) -> None:
        """End the waits that have lasted too long."""
        for number in [n for n, one in self._waiting.items() if one.until <= now]:
            self._waiting.pop(number).done(reason())
