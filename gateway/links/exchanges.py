"""Requests in flight to one connector, matched to their results by id."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import trio

from gateway.domain.errors import GatewayError, Unavailable
from protocols.link.messages import ExchangeRequest, ExchangeResult, Target

#: Requests one connector may have in flight; more are refused rather than queued without end.
MAX_IN_FLIGHT = 128


class _Waiting:
    """One caller and what it waits for."""

    __slots__ = ("done", "error", "result")

    def __init__(self) -> None:
        self.done = trio.Event()
        self.result: ExchangeResult | None = None
        self.error: GatewayError | None = None


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

    async def exchange(self, session: str, target: Target, request: bytes) -> ExchangeResult:
        """Send a request and wait for its result, however often the link breaks meanwhile.

        Raises:
            Unavailable: the connector is too busy, or its link was lost for good.
        """
        if len(self._waiting) >= MAX_IN_FLIGHT:
            raise Unavailable(
                "connector.busy",
                f"This connector has {MAX_IN_FLIGHT} requests in flight. Wait for answers first.",
                retry_after=1,
            )
        number = next(self._ids)
        waiting = self._waiting[number] = _Waiting()
        try:
            self._send(ExchangeRequest(number, session, target, request))
            await waiting.done.wait()
        finally:
            del self._waiting[number]
        if waiting.error is not None:
            raise waiting.error
        if waiting.result is None:
            raise AssertionError("woken without a result")
        return waiting.result

    def finish(self, result: ExchangeResult) -> bool:
        """Hand a result to its caller; tell whether somebody still waits for it."""
        waiting = self._waiting.get(result.id)
        if waiting is None:
            return False
        waiting.result = result
        waiting.done.set()
        return True

    def fail(self, reason: Callable[[], GatewayError]) -> None:
        """End every wait with an error of its own."""
        for waiting in self._waiting.values():
            waiting.error = reason()
            waiting.done.set()
