"""One ECU's application: a request in, timed responses out. Sans-IO: bytes and seconds only.

Timing. An answer takes the ECU's usual time with a little jitter from the seed. Work that lasts
beyond P2 is announced by 0x78 before P2 is over and again within every P2* (ISO 14229-2, 7.2).
While it works so long, the ECU answers "busy, repeat" (0x21) to everything but tester present; a
few requests that come within the usual time of the one before wait their turn. After a reset the
ECU hears nothing until it has started.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import replace

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
from firmware_sim.vehicle.quirk_spec import QuirkSpec
from firmware_sim.vehicle.quirks import Quirks, distort, extra_work
from firmware_sim.vehicle.services import table
from firmware_sim.vehicle.services.periodic_data import due_messages
from protocols.errors import RemoteProtocolError

#: When further 0x78 are sent, as a part of P2*: early enough for any bus between.
PATIENCE = 0.7

_TESTER_PRESENT = TesterPresent.request_id()


class EcuApplication:
    """An ECU as its transport sees it; one for each ECU, whatever bus it is on.

    Attributes:
        unit: what it knows and remembers.
    """

    def __init__(
        self, spec: EcuSpec, vin: str, seed: str, quirks: Iterable[QuirkSpec] = ()
    ) -> None:
        self.unit = ControlUnit(spec, vin, seed)
        self._quirks = Quirks(quirks, seed)
        self._timing = spec.timing
        self._random = random.Random(f"{seed}/timing")
        self._free_at = 0.0
        self._busy_until = 0.0
        self._deaf_until = 0.0

    @property
    def logical_address(self) -> int:
        """Its DoIP address; 0, which no ECU has, where it has none."""
        return self.unit.spec.logical_address or 0

    def sends_normally(self, now: float) -> bool:
        """Tell whether its normal messages are on: it is up, and service 28 did not stop them."""
        started = now >= self._deaf_until and not self.unit.flash.boot_only
        return started and self.unit.sends_normally

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
        quirks = self._quirks.due(request, self.unit.session)
        kinds = {quirk.kind for quirk in quirks}
        if kinds & {"deaf", "reset"}:
            if "reset" in kinds:
                self._reset(now)
            return []
        if "busy" in kinds or (self._is_busy(now) and request[0] != _TESTER_PRESENT):
            busy = _refusal(request, ResponseCode.BusyRepeatRequest)
            return [TimedResponse(self._usual_time(), busy)]
        self.unit.state.request_begins(now)
        work = extra_work(quirks)
        responses = self._perform(request, now, work, functional=functional)
        self.unit.state.request_ends(self._free_at)
        if self.unit.reset_pending:
            self._reset(self._free_at)
        return distort(quirks, request, responses)

    def _reset(self, at: float) -> None:
        self.unit.reset(at)
        self._deaf_until = at + self._timing.boot

    def next_deadline(self) -> float | None:
        """Return when `handle_deadline` has something to do, or ``None``."""
        return self.unit.next_deadline()

    def handle_deadline(self, now: float) -> list[TimedResponse]:
        """Do what is due, such as leaving a session that nobody keeps alive.

        Return what the ECU has to say by itself: data that testers asked it to send periodically.
        """
        self.unit.update(now)
        return [TimedResponse(0.0, message) for message in due_messages(self.unit, now)]

    def _is_busy(self, now: float) -> bool:
        """Tell whether a request would wait too long for its turn to be answered within P2."""
        return now < self._busy_until or self._free_at - now > self._timing.p2 / 2

    def _perform(
        self, request: bytes, now: float, extra: float, *, functional: bool
    ) -> list[TimedResponse]:
        """Return the responses; take note of when the ECU is free again."""
        usual = self._usual_time()
        if now >= self._busy_until:
            usual += max(0.0, self._free_at - now)
        try:
            reply = table.perform(self.unit, request, now)
        except RemoteProtocolError as error:
            code = error.code or ResponseCode.GeneralReject
            self._free_at = max(self._free_at, now + usual)
            silent = functional and code in SILENT_CODES
            return [] if silent else [TimedResponse(usual, _refusal(request, code))]
        reply = replace(reply, work=reply.work + extra)
        self._free_at = max(self._free_at, now + usual + reply.work)
        return list(self._answers(request, reply, usual, now))

    def _answers(
        self, request: bytes, reply: Reply, usual: float, now: float
    ) -> Iterator[TimedResponse]:
        ends = usual + reply.work
        asks_for_time = ends > self._timing.p2
        if asks_for_time:
            self._busy_until = now + ends
            yield from self._pending(request, usual, ends)
        # Once it has asked for time, the ECU answers even if it was asked not to (7.5.5).
        if reply.payload and (asks_for_time or not _is_suppressed(request)):
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
