"""One ECU's application: a request in, timed responses out. Sans-IO: bytes and seconds only.

Timing. An answer takes the ECU's usual time with a little jitter from the seed. Work that lasts
beyond P2 is announced by 0x78 before P2 is over and again within every P2* (ISO 14229-2, 7.2).
While it works, the ECU answers "busy, repeat" (0x21) to everything but tester present. After a
reset it hears nothing until it has started.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

from udsoncan.ResponseCode import ResponseCode
from udsoncan.services.TesterPresent import TesterPresent

from firmware_sim.vehicle.control_unit import ControlUnit
from firmware_sim.vehicle.dialogue import (
    NEGATIVE,
    SILENT_CODES,
    SUPPRESS,
    Reply,
    TimedResponse,
)
from firmware_sim.vehicle.ecu_spec import EcuSpec
from firmware_sim.vehicle.services import table
from protocols.errors import RemoteProtocolError

#: When further 0x78 are sent, as a part of P2*: early enough for any bus between.
PATIENCE = 0.7

_TESTER_PRESENT = TesterPresent.request_id()


class EcuApplication:
    """An ECU as its transport sees it; one for each ECU, whatever bus it is on.

    Attributes:
        unit: what it knows and remembers.
    """

    def __init__(self, spec: EcuSpec, vin: str, seed: str) -> None:
        self.unit = ControlUnit(spec, vin, seed)
        self._timing = spec.timing
        self._random = random.Random(f"{seed}/timing")
        self._busy_until = 0.0
        self._deaf_until = 0.0

    @property
    def logical_address(self) -> int:
        """Its DoIP address; 0, which no ECU has, where it has none."""
        return self.unit.spec.logical_address or 0

    def sends_normally(self) -> bool:
        """Tell whether its normal messages are on: it is up, and service 28 did not stop them."""
        return self.unit.sends_normally

    def handle(
        self, request: bytes, now: float, *, functional: bool = False
    ) -> list[TimedResponse]:
        """Take a request and return what will be answered when, in order; possibly nothing.

        Args:
            request: all of its bytes.
            now: when it was complete, seconds.
            functional: it was addressed to all ECUs.
        """
        self.unit.update(now)
        if not request or now < self._deaf_until:
            return []
        if now < self._busy_until and request[0] != _TESTER_PRESENT:
            return [
                TimedResponse(
                    self._usual_time(), _refusal(request, ResponseCode.BusyRepeatRequest)
                )
            ]
        self.unit.state.request_begins(now)
        responses, ends = self._perform(request, now, functional=functional)
        self._busy_until = max(self._busy_until, ends)
        self.unit.state.request_ends(self._busy_until)
        if self.unit.reset_pending:
            self.unit.reset(self._busy_until)
            self._deaf_until = self._busy_until + self._timing.boot
        return responses

    def next_deadline(self) -> float | None:
        """Return when `handle_deadline` has something to do, or ``None``."""
        return self.unit.next_deadline()

    def handle_deadline(self, now: float) -> None:
        """Do what is due, such as leaving a session that nobody keeps alive."""
        self.unit.update(now)

    def _perform(
        self, request: bytes, now: float, *, functional: bool
    ) -> tuple[list[TimedResponse], float]:
        """Return the responses, and when the ECU is done with the request."""
        usual = self._usual_time()
        try:
            reply = table.perform(self.unit, request, now)
        except RemoteProtocolError as error:
            code = error.code or ResponseCode.GeneralReject
            silent = functional and code in SILENT_CODES
            refusal = [] if silent else [TimedResponse(usual, _refusal(request, code))]
            return refusal, now + usual
        return list(self._answers(request, reply, usual)), now + usual + reply.work

    def _answers(self, request: bytes, reply: Reply, usual: float) -> Iterator[TimedResponse]:
        ends = usual + reply.work
        asked_for_time = ends > self._timing.p2
        if asked_for_time:
            yield from self._pending(request, usual, ends)
        # Once it has asked for time, the ECU answers even if it was asked not to (7.5.5).
        if reply.payload and (asked_for_time or not _is_suppressed(request)):
            yield TimedResponse(ends, reply.payload)

    def _pending(self, request: bytes, usual: float, ends: float) -> Iterator[TimedResponse]:
        code = ResponseCode.RequestCorrectlyReceived_ResponsePending
        moment = min(usual, PATIENCE * self._timing.p2)
        while moment < ends:
            yield TimedResponse(moment, _refusal(request, code))
            moment += PATIENCE * self._timing.p2_star

    def _usual_time(self) -> float:
        return self._timing.response + self._random.random() * self._timing.jitter


def _refusal(request: bytes, code: int) -> bytes:
    return bytes([NEGATIVE, request[0], code])


def _is_suppressed(request: bytes) -> bool:
    return len(request) > 1 and bool(request[1] & SUPPRESS) and table.has_sub_function(request[0])
