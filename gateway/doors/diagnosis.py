"""Diagnostic messages of DoIP clients as exchanges of the session, and their answers back.

A message is acknowledged as soon as it is on its way; what cannot be sent gets the code of
ISO 13400-2 table 26. The connector waits for the control unit, through 0x78 and 0x21, and returns
the final answer; the client's own P2 knows nothing of the distance. So:

- while an answer takes its time the client gets 0x78 from here (ISO 14229-1: response pending),
  not for functional requests, nor where a positive answer is suppressed;
- the times in the answer to a session control request become those of a control unit behind this
  distance, because clients take them for their own: at least :data:`P2` and :data:`P2_STAR`.
  Nothing else of an answer is changed;
- where the vehicle did not answer it gets 0x25, no response from subnet component, which is what
  gateways say by the same standard; functional requests stay unanswered.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import trio

from gateway.domain.errors import GatewayError
from gateway.doors.addresses import AddressTable, is_functional
from gateway.doors.place import Place
from gateway.sessions.exchange import Answer
from protocols.doip.entity import DiagnosticNack
from protocols.doip.events import DiagnosticRequest
from protocols.link.vehicle import Target

#: Requests of one door that may be in flight; the next one is refused with "out of memory".
MOST = 64

#: Seconds until a client is told to wait: below the second that udsoncan waits for; and then
#: again, below the five of P2*server.
FIRST_PENDING, NEXT_PENDING = 0.4, 2.0

#: The least that a client is told to wait, in the units of ISO 14229-1 table 28: 1 ms and 10 ms.
P2, P2_STAR = 1000, 500

PENDING, NO_RESPONSE = 0x78, 0x25

#: Positive answer to DiagnosticSessionControl: session, P2 and P2* with 16 bits each.
_SESSION_ANSWER = 0x50
_TIMES = struct.Struct(">HH")

#: Services whose second byte is a sub-function, whose bit 7 suppresses positive answers.
_SUB_FUNCTIONS = frozenset(bytes.fromhex("10 11 19 27 28 29 2c 31 3e 83 85 86 87"))

#: Sends an answer: the request, the control unit's logical address, bytes.
Respond = Callable[[DiagnosticRequest, int, bytes], None]

Outcome = tuple[Answer, ...] | GatewayError


@dataclass(slots=True, eq=False)
class _Open:
    """A request in flight."""

    request: DiagnosticRequest
    pending_at: float | None


class Diagnosis:
    """The requests of one door.

    Args:
        place: whose session.
        table: addresses of its vehicle.
        nursery: of the door.
        respond: takes answers.
    """

    def __init__(
        self, place: Place, table: AddressTable, nursery: trio.Nursery, respond: Respond
    ) -> None:
        self._place = place
        self._table = table
        self._nursery = nursery
        self._respond = respond
        self._in_flight: set[_Open] = set()
        self._stirred = trio.Event()

    def start(self, request: DiagnosticRequest) -> int | None:
        """Send a request on; return the code of its refusal, or ``None`` where it is on its way.

        A functional one is on its way when one of the buses takes it.
        """
        targets = self._table.targets(request.target)
        if len(self._in_flight) + len(targets) > MOST:
            return int(DiagnosticNack.OutOfMemory)
        codes = [self._start_on(target, request) for target in targets]
        return None if None in codes else codes[0]

    def _start_on(self, target: Target, request: DiagnosticRequest) -> int | None:
        sessions, session = self._place.sessions, self._place.session
        entry = _Open(request, _first_pending(request))
        done = partial(self._finish, entry, target)
        try:
            if not sessions.start_exchange(session, target, request.payload, done, by="doip"):
                sessions.writing(session)
                self._nursery.start_soon(self._exchange, entry, target)
        except GatewayError as error:
            busy = error.code == "connector.busy"
            nack = DiagnosticNack.OutOfMemory if busy else DiagnosticNack.TargetUnreachable
            return int(nack)
        self._place.counts.exchanges += 1
        self._in_flight.add(entry)
        self._stirred.set()
        return None

    async def _exchange(self, entry: _Open, target: Target) -> None:
        """Run an exchange that needs a task: the connector has no ISO-TP on board."""
        sessions, session = self._place.sessions, self._place.session
        outcome: Outcome
        try:
            outcome = await sessions.exchange(session, target, entry.request.payload, by="doip")
        except GatewayError as error:
            outcome = error
        self._finish(entry, target, outcome)

    def _finish(self, entry: _Open, target: Target, outcome: Outcome) -> None:
        self._in_flight.discard(entry)
        request = entry.request
        if isinstance(outcome, GatewayError):
            if not is_functional(request.target):
                self._respond(request, request.target, _negative(request, NO_RESPONSE))
            return
        for answer in outcome:
            source: int | None = request.target
            if is_functional(request.target):
                source = self._table.source(target, answer.ecu)
            if source is None:
                self._place.counts.unmapped += 1
            else:
                self._respond(request, source, with_distance(answer.data))

    async def keep_waiting(self) -> None:
        """Tell clients to wait, for ever."""
        while True:
            if not self._in_flight:
                self._stirred = trio.Event()
                await self._stirred.wait()
            # Nothing that comes meanwhile is due sooner.
            await trio.sleep(FIRST_PENDING / 2)
            now = trio.current_time()
            for entry in tuple(self._in_flight):
                if entry.pending_at is not None and entry.pending_at <= now:
                    entry.pending_at = now + NEXT_PENDING
                    request = entry.request
                    self._respond(request, request.target, _negative(request, PENDING))


def with_distance(data: bytes) -> bytes:
    """Return an answer with times that hold at a distance, where it has any."""
    if len(data) != 2 + _TIMES.size or data[0] != _SESSION_ANSWER:
        return data
    p2, p2_star = _TIMES.unpack_from(data, 2)
    return data[:2] + _TIMES.pack(max(p2, P2), max(p2_star, P2_STAR))


def _first_pending(request: DiagnosticRequest) -> float | None:
    """Return when the client is told to wait, if it may be told."""
    payload = request.payload
    suppressed = payload[0] in _SUB_FUNCTIONS and len(payload) > 1 and bool(payload[1] & 0x80)
    if suppressed or is_functional(request.target):
        return None
    return trio.current_time() + FIRST_PENDING


def _negative(request: DiagnosticRequest, code: int) -> bytes:
    return bytes((0x7F, request.payload[0], code))
