"""An ECU's fault memory: trouble codes, their status bits, snapshots and extended data.

Status bits are those of ISO 14229-1, annex D.2. Clearing forgets every record; a fault whose cause
persists is found again by the next test, first as pending, and is confirmed in the operation cycle
after that (a reset begins one). While DTC setting is off (service 85) no test changes a bit.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from firmware_sim.vehicle.ecu_spec import FaultSpec

TEST_FAILED = 0x01
FAILED_THIS_CYCLE = 0x02
PENDING = 0x04
CONFIRMED = 0x08
NOT_COMPLETED_SINCE_CLEAR = 0x10
FAILED_SINCE_CLEAR = 0x20
NOT_COMPLETED_THIS_CYCLE = 0x40

#: Status of every code right after clearing (ISO 14229-1, table D.1: bits 4 and 6 set).
CLEARED = NOT_COMPLETED_SINCE_CLEAR | NOT_COMPLETED_THIS_CYCLE

#: groupOfDTC values of ISO 14229-1, annex D.1.
ALL_GROUPS = 0xFFFFFF
EMISSIONS_GROUP = 0xFFFF33

#: Seconds after clearing until the ECU's own tests have run once.
TEST_TIME = 3.0


@dataclass(slots=True)
class Fault:
    """One trouble code as it stands now.

    Attributes:
        spec: what was declared of it.
        number: the code, 24 bits.
        status: all its status bits.
        recorded: it was seen since the last clear, so snapshots and extended data are there.
    """

    spec: FaultSpec
    number: int
    status: int
    recorded: bool

    def test(self) -> None:
        """Take the result of the ECU's own test into the status bits."""
        self.status &= ~CLEARED
        if self.spec.present:
            self.status |= TEST_FAILED | FAILED_THIS_CYCLE | PENDING | FAILED_SINCE_CLEAR
            self.recorded = True

    def clear(self) -> None:
        self.status = CLEARED
        self.recorded = False

    def begin_cycle(self) -> None:
        """Begin an operation cycle: what was pending and is still there is confirmed."""
        if self.spec.present and self.status & PENDING:
            self.status |= CONFIRMED
        elif self.status & PENDING and not self.status & FAILED_THIS_CYCLE:
            self.status &= ~PENDING
        if not self.spec.present:
            self.status &= ~(TEST_FAILED | FAILED_THIS_CYCLE)


class FaultMemory:
    """Owns the trouble codes of one ECU; survives its resets."""

    def __init__(self, specs: Iterable[FaultSpec], available: int) -> None:
        self.available = available
        self.setting_on = True
        self._test_at = math.inf
        self._faults = {
            spec.number: Fault(spec, spec.number, spec.status, recorded=bool(spec.status))
            for spec in specs
        }

    def all(self) -> list[Fault]:
        """Return every code the ECU knows, whatever its status."""
        return list(self._faults.values())

    def find(self, number: int) -> Fault | None:
        return self._faults.get(number)

    def status_of(self, fault: Fault) -> int:
        """Return the status bits that this ECU maintains."""
        return fault.status & self.available

    def matching(self, mask: int) -> list[Fault]:
        """Return the codes with at least one maintained status bit in ``mask``."""
        return [fault for fault in self._faults.values() if self.status_of(fault) & mask]

    def emissions(self, mask: int) -> list[Fault]:
        """Return those of them that OBD reports."""
        return [fault for fault in self.matching(mask) if fault.spec.emissions]

    def clear(self, group: int, now: float) -> bool:
        """Clear a group of codes, or one code; False where there is no such group."""
        if group == ALL_GROUPS:
            chosen = list(self._faults.values())
        elif group == EMISSIONS_GROUP:
            chosen = [fault for fault in self._faults.values() if fault.spec.emissions]
        else:
            chosen = [fault for number, fault in self._faults.items() if number == group]
        for fault in chosen:
            fault.clear()
        if chosen:
            self._test_at = now + TEST_TIME
        return bool(chosen) or group in {ALL_GROUPS, EMISSIONS_GROUP}

    def next_deadline(self) -> float | None:
        """Return when the next test is due, or ``None``."""
        return self._test_at if self.setting_on and self._test_at < math.inf else None

    def update(self, now: float) -> None:
        """Run the tests that are due."""
        if now >= self._test_at and self.setting_on:
            self._test_at = math.inf
            for fault in self._faults.values():
                fault.test()

    def begin_cycle(self) -> None:
        for fault in self._faults.values():
            fault.begin_cycle()
