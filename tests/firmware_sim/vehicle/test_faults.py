from __future__ import annotations

from firmware_sim.vehicle.fault import CLEARED
from firmware_sim.vehicle.fault_spec import FaultSpec
from firmware_sim.vehicle.faults import ALL_GROUPS, EMISSIONS_GROUP, TEST_TIME, FaultMemory

PRESENT = FaultSpec(code="P0301-00", status=0x2F, present=True, emissions=True)
PASSED = FaultSpec(code="P0171-00", status=0x28, emissions=True)
QUIET = FaultSpec(code="U0121-00", status=0x00)
BODY = FaultSpec(code="B1168-14", status=0x08)


def memory(available: int = 0x2F) -> FaultMemory:
    return FaultMemory([PRESENT, PASSED, QUIET, BODY], available)


def numbers(faults: FaultMemory, mask: int = 0xFF) -> list[int]:
    return [fault.number for fault in faults.matching(mask)]


def test_codes_are_found_by_the_bits_the_ecu_maintains() -> None:
    assert numbers(memory()) == [0x030100, 0x017100, 0x916814]
    assert numbers(memory(), 0x01) == [0x030100]
    assert numbers(memory(available=0x01)) == [0x030100]
    assert [fault.number for fault in memory().emissions(0x08)] == [0x030100, 0x017100]
    assert len(memory().all()) == 4


def test_clearing_forgets_everything_and_a_present_fault_comes_back_pending() -> None:
    faults = memory()
    assert faults.clear(ALL_GROUPS, now=10.0)
    assert numbers(faults) == []
    assert all(fault.status == CLEARED and not fault.recorded for fault in faults.all())
    faults.update(10.0 + TEST_TIME - 0.001)
    assert numbers(faults) == []
    faults.update(10.0 + TEST_TIME)
    assert numbers(faults) == [0x030100]
    assert faults.matching(0xFF)[0].status == 0x27
    faults.begin_cycle(20.0)
    assert faults.matching(0xFF)[0].status == 0x65
    faults.update(20.0 + TEST_TIME)
    assert faults.matching(0xFF)[0].status == 0x2F


def test_no_test_runs_while_dtc_setting_is_off() -> None:
    faults = memory()
    faults.clear(ALL_GROUPS, now=0.0)
    faults.setting_on = False
    faults.update(100.0)
    assert numbers(faults) == []
    faults.setting_on = True
    faults.update(101.0)
    assert numbers(faults) == [0x030100]


def test_one_code_or_the_emission_related_ones_can_be_cleared_alone() -> None:
    faults = memory()
    assert faults.clear(0x916814, now=0.0)
    assert numbers(faults) == [0x030100, 0x017100]
    assert faults.clear(EMISSIONS_GROUP, now=0.0)
    assert numbers(faults) == []
    assert not faults.clear(0x123456, now=0.0)


def test_a_new_cycle_drops_what_only_failed_before() -> None:
    gone = FaultSpec(code="P0420-00", status=0x07)
    faults = FaultMemory([gone], 0x2F)
    seen = []
    for cycle in range(3):
        faults.begin_cycle(cycle * 10.0)
        faults.update(cycle * 10.0 + TEST_TIME)
        seen.append(faults.all()[0].status)
    assert seen == [0x04, 0x00, 0x00]


def test_first_and_last_and_confirmed() -> None:
    faults = memory()
    first, last = faults.first_failed(), faults.last_failed()
    assert first is not None
    assert last is not None
    assert (first.number, last.number) == (0x030100, 0x017100)
    assert [fault.number for fault in faults.confirmed()] == [0x030100, 0x017100, 0x916814]
    faults.clear(ALL_GROUPS, 0.0)
    assert faults.first_failed() is None
    assert faults.last_failed() is None
    assert faults.confirmed() == []


def test_a_test_that_runs_towards_failure_is_seen() -> None:
    faults = memory()
    assert faults.prefailed(0.0) == []
    faults.clear(ALL_GROUPS, now=10.0)
    assert [(fault.number, counter) for fault, counter in faults.prefailed(11.5)] == [
        (0x030100, 63)
    ]
    faults.update(13.0)
    assert faults.prefailed(13.0) == []
    assert faults.detection(faults.all()[0], 13.0) == 127


def test_intermittent_faults_are_tested_again_and_again() -> None:
    faults = FaultMemory([FaultSpec(code="C0040-11", status=0, intermittent=20.0)], 0xFF)
    seen = []
    for now in range(0, 60, 1):
        deadline = faults.next_deadline()
        if deadline is not None and deadline <= now:
            faults.update(now)
            seen.append((now, faults.all()[0].status & 1))
    assert seen == [(3, 1), (13, 0), (23, 1), (33, 0), (43, 1), (53, 0)]
    assert faults.all()[0].occurrences == 3


def test_permanent_codes_and_severities() -> None:
    spec = FaultSpec(code="P0420-00", status=0x2F, permanent=True, severity=0x40)
    faults = FaultMemory([spec, PASSED], 0x2F)
    assert [fault.number for fault in faults.permanent()] == [0x042000]
    assert [fault.number for fault in faults.matching(0x08, 0x60)] == [0x042000]
    assert faults.matching(0x08, 0x80) == []
