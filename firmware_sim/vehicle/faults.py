"""An ECU's fault memory: all its trouble codes, when they are tested, and how they are found.

Tests run once in each operation cycle (a reset begins one) and after clearing; those of
intermittent faults go on. While DTC setting is off (service 85) no test changes a bit.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from firmware_sim.vehicle.fault import CONFIRMED, DETECTED, Fault
from firmware_sim.vehicle.fault_spec import FaultSpec

#: groupOfDTC values of ISO 14229-1, annex D.1.
ALL_GROUPS = 0xFFFFFF
EMISSIONS_GROUP = 0xFFFF33

#: Seconds from clearing, or from a new cycle, until the ECU's own tests have run once.
TEST_TIME = 3.0


class FaultMemory:
    """Owns the trouble codes of one ECU; survives its resets."""

    def __init__(self, specs: Iterable[FaultSpec], available: int) -> None:
        self.available = available
        self.setting_on = True
        self._test_at = math.inf
        self._faults = {
            spec.number: Fault(spec, order) for order, spec in enumerate(specs, start=1)
        }
        self._order = len(self._faults)
        intervals = [
            fault.spec.intermittent / 2
            for fault in self._faults.values()
            if fault.spec.intermittent is not None
        ]
        self._interval = min(intervals, default=math.inf)
        if intervals:
            self._test_at = TEST_TIME

    def all(self) -> list[Fault]:
        """Return every code the ECU knows, whatever its status."""
        return list(self._faults.values())

    def find(self, number: int) -> Fault | None:
        return self._faults.get(number)

    def status_of(self, fault: Fault) -> int:
        """Return the status bits that this ECU maintains."""
        return fault.status & self.available

    def matching(self, mask: int, severities: int = 0) -> list[Fault]:
        """Return the codes with a maintained status bit in ``mask``, and one in ``severities``.

        No severities at all mean that they do not matter.
        """
        return [
            fault
            for fault in self._faults.values()
            if self.status_of(fault) & mask
            and (not severities or fault.spec.severity & severities)
        ]

    def emissions(self, mask: int) -> list[Fault]:
        """Return those of them that OBD reports."""
        return [fault for fault in self.matching(mask) if fault.spec.emissions]

    def permanent(self) -> list[Fault]:
        """Return the codes that only a passed test takes off the list (mode 0A)."""
        return [fault for fault in self._faults.values() if fault.permanent]

    def first_failed(self) -> Fault | None:
        """Return the code whose test failed first since clearing."""
        found = [fault for fault in self._faults.values() if fault.first_failed]
        return min(found, key=lambda fault: fault.first_failed, default=None)

    def last_failed(self) -> Fault | None:
        """Return the code whose test failed last."""
        found = [fault for fault in self._faults.values() if fault.last_failed]
        return max(found, key=lambda fault: fault.last_failed, default=None)

    def confirmed(self) -> list[Fault]:
        """Return the confirmed codes in the order in which they were confirmed."""
        found = [fault for fault in self._faults.values() if fault.status & CONFIRMED]
        return sorted(found, key=lambda fault: fault.confirmed_at)

    def detection(self, fault: Fault, now: float) -> int:
        """Return a code's fault detection counter, -128 to 127."""
        begun = self._test_at - TEST_TIME
        progress = (now - begun) / TEST_TIME if begun < math.inf else 0.0
        return fault.detection(min(max(progress, 0.0), 1.0), now)

    def prefailed(self, now: float) -> list[tuple[Fault, int]]:
        """Return the codes whose test is about to fail, with their counter (service 19 14)."""
        counters = ((fault, self.detection(fault, now)) for fault in self._faults.values())
        return [(fault, counter) for fault, counter in counters if 0 < counter < DETECTED]

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
        if now < self._test_at or not self.setting_on:
            return
        self._test_at = now + self._interval
        for fault in self._faults.values():
            self._order += 1
            fault.test(now, self._order)

    def begin_cycle(self, now: float) -> None:
        """Begin an operation cycle: the tests run again."""
        for fault in self._faults.values():
            fault.begin_cycle()
        if self._faults:
            self._test_at = now + TEST_TIME
