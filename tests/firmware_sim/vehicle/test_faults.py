from __future__ import annotations

from firmware_sim.vehicle.ecu_spec import FaultSpec
from firmware_sim.vehicle.faults import (
    ALL_GROUPS,
    CLEARED,
    EMISSIONS_GROUP,
    TEST_TIME,
    FaultMemory,
)

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
    faults.begin_cycle()
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
    faults.begin_cycle()
    assert faults.all()[0].status == 0x04
    faults.begin_cycle()
    assert faults.all()[0].status == 0x00
