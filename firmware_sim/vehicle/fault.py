"""One trouble code and its life: tested, pending, confirmed, aged out, cleared.

Status bits are those of ISO 14229-1, annex D.2. A failed test sets bits 0, 1, 2 and 5; failing
again in a later operation cycle confirms the code (bit 3). A cycle in which the test ran and did
not fail takes "pending" back and ages a confirmed code; after enough of those it is forgotten.
Clearing forgets everything; a fault whose cause persists is found again by the next test. An
emission-related code can be permanent: only a passed test takes it off that list.
"""

from __future__ import annotations

from firmware_sim.vehicle.fault_spec import ExtendedDataSpec, FaultSpec

TEST_FAILED = 0x01
FAILED_THIS_CYCLE = 0x02
PENDING = 0x04
CONFIRMED = 0x08
NOT_COMPLETED_SINCE_CLEAR = 0x10
FAILED_SINCE_CLEAR = 0x20
NOT_COMPLETED_THIS_CYCLE = 0x40
WARNING_INDICATOR = 0x80

#: Status of every code right after clearing (ISO 14229-1, table D.1: bits 4 and 6 set).
CLEARED = NOT_COMPLETED_SINCE_CLEAR | NOT_COMPLETED_THIS_CYCLE

#: The fault detection counter of a failed, a passed and an undecided test (annex D.2.5).
DETECTED, EXCLUDED, UNDECIDED = 127, -128, 0

#: Counters are bytes that stay at their highest value.
_HIGHEST = 0xFF


class Fault:
    """One trouble code as it stands now.

    Attributes:
        spec: what was declared of it.
        number: the code, 24 bits.
        status: all its status bits.
        recorded: it was seen since the last clear, so snapshots and extended data are there.
        occurrences: how often its test went from passed to failed since the last clear.
        aged: operation cycles without a failure since the last one.
        permanent: OBD mode 0A reports it.
        first_failed, last_failed, confirmed_at: places in the order of events, 0 for never.
    """

    def __init__(self, spec: FaultSpec, order: int) -> None:
        self.spec = spec
        self.number = spec.number
        self.status = spec.status
        self.recorded = bool(spec.status)
        failed = bool(spec.status & (TEST_FAILED | FAILED_SINCE_CLEAR))
        confirmed = bool(spec.status & CONFIRMED)
        self.occurrences = _first_count(spec, "occurrences", int(failed))
        self.aged = _first_count(spec, "ageing", 0)
        self.permanent = spec.permanent and confirmed
        self.first_failed = self.last_failed = order if failed else 0
        self.confirmed_at = order if confirmed else 0
        self._failed_before = bool(spec.status & PENDING)

    def is_present(self, now: float) -> bool:
        """Tell whether its cause is there at ``now``."""
        if self.spec.intermittent is None:
            return self.spec.present
        return now % self.spec.intermittent < self.spec.intermittent / 2

    def test(self, now: float, order: int) -> None:
        """Take the result of the ECU's own test into the status bits."""
        self.status &= ~CLEARED
        if self.is_present(now):
            self._fail(order)
        else:
            self.status &= ~TEST_FAILED
            self.permanent = False

    def _fail(self, order: int) -> None:
        if not self.status & TEST_FAILED:
            self.occurrences = min(self.occurrences + 1, _HIGHEST)
        if self._failed_before and not self.status & CONFIRMED:
            self.status |= CONFIRMED
            self.confirmed_at = order
        self.permanent = self.spec.permanent and bool(self.status & CONFIRMED)
        self.status |= TEST_FAILED | FAILED_THIS_CYCLE | PENDING | FAILED_SINCE_CLEAR
        self.recorded = True
        self.aged = 0
        self.first_failed = self.first_failed or order
        self.last_failed = order

    def clear(self) -> None:
        """Forget it; what is permanent stays so until a test passes."""
        self.status = CLEARED
        self.recorded = self._failed_before = False
        self.occurrences = self.aged = 0
        self.first_failed = self.last_failed = self.confirmed_at = 0

    def begin_cycle(self) -> None:
        """End an operation cycle and begin the next."""
        tested = not self.status & NOT_COMPLETED_THIS_CYCLE
        if tested and not self.status & (FAILED_THIS_CYCLE | TEST_FAILED):
            self.status &= ~PENDING
            self._age()
        self._failed_before = bool(self.status & PENDING)
        self.status &= ~FAILED_THIS_CYCLE
        self.status |= NOT_COMPLETED_THIS_CYCLE

    def _age(self) -> None:
        if not self.status & CONFIRMED:
            return
        self.aged = min(self.aged + 1, _HIGHEST)
        if self.aged >= self.spec.ageing:
            self.status &= ~(CONFIRMED | WARNING_INDICATOR)
            self.recorded = False
            self.confirmed_at = 0

    def detection(self, progress: float, now: float) -> int:
        """Return the fault detection counter, -128 to 127.

        Args:
            progress: how much of the test that runs is done, 0 to 1.
            now: seconds.
        """
        if not self.status & NOT_COMPLETED_THIS_CYCLE:
            return DETECTED if self.status & TEST_FAILED else EXCLUDED
        return round(progress * (DETECTED - 1)) if self.is_present(now) else UNDECIDED

    def extended_data(self, record: ExtendedDataSpec, detection: int) -> bytes:
        """Return an extended data record's content, its counter in the last byte."""
        counters = {
            "occurrences": self.occurrences,
            "ageing": self.aged,
            "detection": detection & 0xFF,
        }
        if record.counter is None:
            return bytes(record.hex)
        return bytes(record.hex[:-1]) + bytes([counters[record.counter]])


def _first_count(spec: FaultSpec, counter: str, otherwise: int) -> int:
    """Return where a counter begins: at the last byte of the record that was declared to count."""
    declared = [item.hex[-1] for item in spec.extended if item.counter == counter]
    return declared[0] or otherwise if declared else otherwise
