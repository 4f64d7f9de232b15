"""An ECU that answers as it once did, from a recording. Sans-IO: bytes and seconds only.

To each request it gives the answers that were recorded for it, one after the other; the last one
stands for all later ones. What was never asked is refused with 11 (service not supported), as the
recording does not tell what the ECU would have said; addressed to everybody, it stays silent.
Tester present, and the identification number that connectors read when they dial in, are answered
without having been recorded: connectors ask for them by themselves.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from typing_extensions import override
from udsoncan.ResponseCode import ResponseCode

from firmware_sim.vehicle.can_ecu import Application
from firmware_sim.vehicle.dialogue import NEGATIVE, POSITIVE, SUPPRESS, TimedResponse

_TESTER_PRESENT = 0x3E
_READ_VIN = bytes.fromhex("22F190")

#: An answer without "pending" before it comes within P2 (ISO 14229-2: 50 ms), whatever the way to
#: the recording's connector added; seconds.
WITHIN_P2 = 0.04

#: When the first "pending" is sent at the latest, and the longest time anything takes; seconds.
FIRST_PENDING, LONGEST = 0.025, 60.0


@dataclass(frozen=True, slots=True)
class Spoken:
    """What came of a request once.

    Attributes:
        data: the final answer; ``None`` where there was none.
        took: seconds until it was complete.
        pending: how often the ECU asked for more time before.
    """

    data: bytes | None
    took: float = 0.0
    pending: int = 0

    def responses(self, service: int) -> list[TimedResponse]:
        """Return it as the ECU says it again."""
        if self.data is None:
            return []
        if not self.pending:
            return [TimedResponse(min(max(self.took, 0.0), WITHIN_P2), self.data)]
        code = ResponseCode.RequestCorrectlyReceived_ResponsePending
        took = min(max(self.took, 2 * FIRST_PENDING), LONGEST)
        step = took / (self.pending + 1)
        waits = [min(FIRST_PENDING, step), *(step * n for n in range(2, self.pending + 1))]
        message = bytes([NEGATIVE, service, code])
        return [*(TimedResponse(at, message) for at in waits), TimedResponse(took, self.data)]


@dataclass(slots=True)
class _Answers:
    """Answers to one request, in their order."""

    given: list[Spoken] = field(default_factory=list)
    next: int = 0

    def take(self) -> Spoken:
        found = self.given[min(self.next, len(self.given) - 1)]
        self.next += 1
        return found


class RecordedEcu(Application):
    """The application of one recorded ECU.

    Args:
        logical_address: its DoIP address; 0 where it has none.
        vin: of its vehicle.
    """

    def __init__(self, logical_address: int, vin: str) -> None:
        self.logical_address = logical_address
        self._vin = vin
        self._answers: dict[tuple[bytes, bool], _Answers] = {}

    def __len__(self) -> int:
        """Return how many different requests it knows."""
        return len(self._answers)

    def learn(self, request: bytes, spoken: Spoken, *, functional: bool) -> None:
        """Take what it answered once."""
        self._answers.setdefault((request, functional), _Answers()).given.append(spoken)

    @override
    def handle(
        self, request: bytes, now: float, *, functional: bool = False
    ) -> list[TimedResponse]:
        if not request:
            return []
        known = self._answers.get((request, functional)) or self._answers.get(
            (request, not functional)
        )
        if known is not None:
            return known.take().responses(request[0])
        return self._unrecorded(request, functional=functional)

    def _unrecorded(self, request: bytes, *, functional: bool) -> list[TimedResponse]:
        if request[0] == _TESTER_PRESENT and len(request) == 2:
            answer = bytes([_TESTER_PRESENT + POSITIVE, 0])
            return [] if request[1] & SUPPRESS else [TimedResponse(0.0, answer)]
        if functional:
            return []
        if request == _READ_VIN:
            return [TimedResponse(0.0, bytes.fromhex("62F190") + self._vin.encode())]
        refusal = bytes([NEGATIVE, request[0], ResponseCode.ServiceNotSupported])
        return [TimedResponse(0.0, refusal)]

    @override
    def next_deadline(self) -> float | None:
        return None  # it says nothing by itself

    @override
    def handle_deadline(self, now: float) -> list[TimedResponse]:
        return []
