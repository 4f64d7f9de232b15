"""Ties an ECU's application to a DoIP entity: requests in, timed responses out."""

from __future__ import annotations

import heapq
import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import trio

from firmware_sim.vehicle.dialogue import TimedResponse
from protocols.doip.events import DiagnosticRequest

log = logging.getLogger(__name__)

#: Requests an ECU has not looked at yet; the next is refused with "out of memory" (8003 code 05).
MAX_REQUESTS = 16

#: Responses whose time has not come; an ECU with so much to say listens to nobody meanwhile.
MAX_RESPONSES = 64


class Application(Protocol):
    """What this driver needs of an ECU."""

    def handle(
        self, request: bytes, now: float, *, functional: bool = False
    ) -> Sequence[TimedResponse]: ...

    def next_deadline(self) -> float | None: ...

    def handle_deadline(self, now: float) -> Sequence[TimedResponse] | None: ...


#: Sends a response: the request it answers, the ECU's logical address, the payload.
Respond = Callable[[DiagnosticRequest, int, bytes], None]


@dataclass(frozen=True, slots=True, order=True)
class _Response:
    """A response and its time; ``count`` keeps equal times in their order."""

    at: float
    count: int
    request: DiagnosticRequest
    payload: bytes


class DoipEcu:
    """One ECU behind an entity; `run` it in a task of its own.

    Responses leave in the order of their time. A request that the application cannot digest is
    logged and stays unanswered; the ECU goes on.
    """

    def __init__(self, address: int, application: Application, respond: Respond) -> None:
        self.address = address
        self._application = application
        self._respond = respond
        self._send, self._receive = trio.open_memory_channel[DiagnosticRequest](MAX_REQUESTS)
        self._due: list[_Response] = []
        self._count = 0
        #: Who asked last; what the ECU sends by itself goes there.
        self._latest: DiagnosticRequest | None = None

    def offer(self, request: DiagnosticRequest) -> bool:
        """Hand over a request; return ``False`` when the ECU has no place for it."""
        try:
            self._send.send_nowait(request)
        except trio.WouldBlock:
            return False
        return True

    async def run(self) -> None:
        """Serve requests until cancelled."""
        while True:
            request = await self._next_request()
            now = trio.current_time()
            own = self._application.handle_deadline(now)
            if own and self._latest is not None and len(self._due) < MAX_RESPONSES:
                self._schedule(self._latest, own, now)
            if request is not None:
                self._take(request, now)
            self._send_due(now)

    async def _next_request(self) -> DiagnosticRequest | None:
        """Wait for a request, or until something is due."""
        with trio.move_on_at(self._next_deadline()):
            if len(self._due) >= MAX_RESPONSES:
                await trio.sleep_forever()
            return await self._receive.receive()
        return None

    def _next_deadline(self) -> float:
        own = self._application.next_deadline()
        due = self._due[0].at if self._due else math.inf
        return due if own is None else min(own, due)

    def _take(self, request: DiagnosticRequest, now: float) -> None:
        functional = request.target != self.address
        try:
            responses = self._application.handle(request.payload, now, functional=functional)
        except Exception:  # the request's boundary
            log.exception("ECU %04X failed on %s", self.address, request.payload.hex())
            return
        self._latest = request
        self._schedule(request, responses, now)

    def _schedule(
        self, request: DiagnosticRequest, responses: Sequence[TimedResponse], now: float
    ) -> None:
        for response in responses:
            self._count += 1
            at = now + response.delay
            heapq.heappush(self._due, _Response(at, self._count, request, response.payload))

    def _send_due(self, now: float) -> None:
        while self._due and self._due[0].at <= now:
            response = heapq.heappop(self._due)
            self._respond(response.request, self.address, response.payload)
