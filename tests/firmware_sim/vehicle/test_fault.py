from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.vehicle.fault import (
    CLEARED,
    CONFIRMED,
    FAILED_SINCE_CLEAR,
    FAILED_THIS_CYCLE,
    NOT_COMPLETED_SINCE_CLEAR,
    NOT_COMPLETED_THIS_CYCLE,
    PENDING,
    TEST_FAILED,
    Fault,
)
from firmware_sim.vehicle.fault_spec import ExtendedDataSpec, FaultSpec
from firmware_sim.vehicle.record import Hex

#: Present for the first five seconds of every ten.
GOES = FaultSpec(code="P0301-00", status=0, intermittent=10.0, permanent=True, ageing=2)
THERE, GONE = 1.0, 6.0


def test_from_the_first_failure_to_forgetting_it() -> None:
    fault = Fault(GOES, 1)
    fault.clear()
    assert fault.status == CLEARED
    fault.test(THERE, 1)
    assert fault.status == 0x27
    fault.test(THERE, 2)
    assert (fault.status, fault.occurrences) == (0x27, 1)  # no second trip within one cycle
    fault.begin_cycle()
    assert fault.status == 0x65  # its test has not run in this cycle
    fault.test(THERE, 3)
    assert fault.status == 0x2F
    assert fault.permanent
    for aged, status in ((0, 0x2E), (1, 0x28), (2, 0x20)):
        fault.test(GONE, 4)
        fault.begin_cycle()
        fault.test(GONE, 5)
        assert (fault.aged, fault.status) == (aged, status & ~FAILED_THIS_CYCLE)
    assert not fault.recorded


def test_failing_again_starts_ageing_anew_and_counts() -> None:
    fault = Fault(FaultSpec(code="P0301-00", status=0x2F, intermittent=10.0), 1)
    assert fault.occurrences == 1
    fault.test(GONE, 2)
    fault.begin_cycle()
    fault.test(GONE, 3)
    fault.begin_cycle()
    assert fault.aged == 1
    fault.test(THERE, 4)
    assert (fault.aged, fault.occurrences, fault.last_failed, fault.first_failed) == (0, 2, 4, 1)


def test_only_a_passed_test_ends_what_is_permanent() -> None:
    fault = Fault(FaultSpec(code="P0420-00", status=0x2F, permanent=True), 1)
    assert fault.permanent
    fault.clear()
    assert fault.permanent
    fault.test(GONE, 2)
    assert [fault.permanent] == [False]


def test_the_detection_counter_climbs_while_the_test_runs() -> None:
    fault = Fault(GOES, 1)
    fault.clear()
    assert [fault.detection(done, THERE) for done in (0.0, 0.5, 1.0)] == [0, 63, 126]
    assert fault.detection(0.5, GONE) == 0
    fault.test(THERE, 1)
    assert fault.detection(0.5, THERE) == 127
    fault.test(GONE, 2)
    assert fault.detection(0.5, THERE) == -128


def test_extended_data_counts_in_its_last_byte() -> None:
    fault = Fault(FaultSpec(code="P0301-00", status=0x2F, present=True), 1)
    record = {
        kind: ExtendedDataSpec(record=1, hex=Hex(b"\xaa\x00"), counter=kind)
        for kind in ("occurrences", "ageing", "detection")
    }
    assert fault.extended_data(record["occurrences"], 5) == b"\xaa\x01"
    assert fault.extended_data(record["ageing"], 5) == b"\xaa\x00"
    assert fault.extended_data(record["detection"], -128) == b"\xaa\x80"
    assert fault.extended_data(ExtendedDataSpec(record=1, hex=Hex(b"\x07")), 5) == b"\x07"


def test_counters_begin_where_they_are_declared() -> None:
    records = (
        ExtendedDataSpec(record=1, hex=Hex(b"\x07"), counter="occurrences"),
        ExtendedDataSpec(record=2, hex=Hex(b"\x00\x05"), counter="ageing"),
    )
    fault = Fault(FaultSpec(code="P0301-00", status=0x28, extended=records), 1)
    assert (fault.occurrences, fault.aged) == (7, 5)


@given(st.lists(st.sampled_from(["fail", "pass", "cycle", "clear"]), max_size=60))
def test_status_bits_never_contradict_each_other(steps: list[str]) -> None:
    fault = Fault(GOES, 1)
    for step in steps:
        if step == "cycle":
            fault.begin_cycle()
        elif step == "clear":
            fault.clear()
        else:
            fault.test(THERE if step == "fail" else GONE, 2)
        status = fault.status
        if status & FAILED_THIS_CYCLE:
            assert status & PENDING
            assert status & FAILED_SINCE_CLEAR
        if status & (TEST_FAILED | PENDING | CONFIRMED):
            assert status & FAILED_SINCE_CLEAR
            assert not status & NOT_COMPLETED_SINCE_CLEAR
            assert fault.recorded
        if status & NOT_COMPLETED_SINCE_CLEAR:
            assert status & NOT_COMPLETED_THIS_CYCLE
