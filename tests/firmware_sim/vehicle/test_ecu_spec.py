from __future__ import annotations

import pytest

from firmware_sim.vehicle.data_spec import IdentifierSpec, MemorySpec, SignalSpec
from firmware_sim.vehicle.ecu_spec import EcuSpec
from firmware_sim.vehicle.fault_spec import ExtendedDataSpec, FaultSpec, SnapshotSpec
from firmware_sim.vehicle.function_spec import (
    FlashSpec,
    RoutineSpec,
    SecuritySpec,
    SoftwareNumberSpec,
)
from firmware_sim.vehicle.obd_spec import MonitorSpec, ObdSpec, PidSpec
from firmware_sim.vehicle.record import Access, Hex, SpecError


def test_a_live_value_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="cannot be written"):
        IdentifierSpec(id=1, name="x", live=SignalSpec(base=1), write=Access())


def test_text_is_ascii() -> None:
    with pytest.raises(ValueError, match="ASCII"):
        IdentifierSpec(id=1, name="x", text="ö")


def test_seeds_are_asked_for_by_odd_levels() -> None:
    with pytest.raises(ValueError, match="odd ones"):
        SecuritySpec(level=2, mask=0)


def test_a_pid_has_one_content_and_is_no_bitmap() -> None:
    with pytest.raises(ValueError, match="exactly one"):
        PidSpec(pid=1, name="x")
    with pytest.raises(ValueError, match="bitmap"):
        PidSpec(pid=0x20, name="x", live=SignalSpec(base=1))


def test_calibration_numbers_have_four_bytes() -> None:
    with pytest.raises(ValueError, match="4 bytes"):
        ObdSpec(ecu_name="x", calibration_ids=(), calibration_numbers=(b"\x01",), pids=())  # type: ignore[arg-type]


def test_trouble_codes_and_records_are_told_apart() -> None:
    record = SnapshotSpec(record=1, values={})
    with pytest.raises(ValueError, match="snapshot record declared twice: 1"):
        FaultSpec(code="P0301-00", status=0, snapshots=(record, record))
    fault = FaultSpec(code="P0301-00", status=0)
    with pytest.raises(ValueError, match="trouble code declared twice: P0301-00"):
        EcuSpec(name="x", faults=(fault, fault))
    with pytest.raises(ValueError, match="no trouble code"):
        FaultSpec(code="X0301", status=0)


ROM = MemorySpec(name="rom", start=0, length=64, flash=True)
ERASE = RoutineSpec(id=0xFF00, name="erase", kind="erase")


def complaints(**members: object) -> tuple[str, ...]:
    with pytest.raises(SpecError) as caught:
        EcuSpec(name="x", **members)  # type: ignore[arg-type]
    return caught.value.complaints


def test_programming_needs_its_parts() -> None:
    assert EcuSpec(name="x", memory=(ROM,), routines=(ERASE,), flash=FlashSpec()).flash
    assert complaints(flash=FlashSpec()) == (
        "a flash section needs memory with flash: true",
        "a flash section needs a routine of kind erase",
    )
    assert complaints(memory=(ROM,)) == complaints(routines=(ERASE,))
    assert "need a flash section" in complaints(memory=(ROM,))[0]
    assert complaints(memory=(ROM,), routines=(ERASE,), flash=FlashSpec(security=1)) == (
        "programming needs security level 1, which is not declared",
    )


def test_software_numbers_and_fingerprint_are_identifiers() -> None:
    numbers = (SoftwareNumberSpec(id=0xF189, address=62), SoftwareNumberSpec(id=1, address=0))
    text = IdentifierSpec(id=0xF189, name="x", text="long")
    flash = FlashSpec(fingerprint=0xF189, software=numbers)
    assert complaints(memory=(ROM,), routines=(ERASE,), flash=flash, identifiers=(text,)) == (
        "fingerprint F189 is no identifier that can be written",
        "software number F189 is not in flash memory",
        "software number 0001 is no identifier with text or hex",
    )


def test_memory_does_not_overlap() -> None:
    other = MemorySpec(name="ram", start=63, length=2)
    assert "memory rom and memory ram overlap" in complaints(memory=(other, ROM))


def test_levels_of_memory_and_controls_are_declared() -> None:
    locked = Access(security=9)
    region = MemorySpec(name="ram", start=0, length=2, read=locked, write=locked)
    output = IdentifierSpec(id=1, name="x", hex=Hex(b"\0"), control=locked)
    assert [
        text.split(" needs")[0] for text in complaints(memory=(region,), identifiers=(output,))
    ] == [
        "controlling identifier 0001",
        "reading memory ram",
        "writing memory ram",
    ]


def test_routines_on_flash_take_nothing_else() -> None:
    with pytest.raises(SpecError, match="follow from that"):
        RoutineSpec(id=1, name="x", kind="check", option_length=3)


def test_extended_data_that_counts_has_a_byte_for_it() -> None:
    with pytest.raises(SpecError, match="at least one byte"):
        ExtendedDataSpec(record=1, hex=Hex(), counter="ageing")
    with pytest.raises(SpecError, match="present and intermittent"):
        FaultSpec(code="P0301-00", status=0, present=True, intermittent=5)


def test_monitors_keep_their_limits() -> None:
    with pytest.raises(SpecError, match="low limit 5 is above 4"):
        MonitorSpec(mid=1, test=1, scaling=1, value=4, low=5, high=4)
    with pytest.raises(SpecError, match="bitmap"):
        MonitorSpec(mid=0x20, test=1, scaling=1, value=4)
