from __future__ import annotations

import pytest

from firmware_sim.vehicle.ecu_spec import (
    EcuSpec,
    FaultSpec,
    IdentifierSpec,
    ObdSpec,
    PidSpec,
    SecuritySpec,
    SignalSpec,
    SnapshotSpec,
    WriteRule,
)


def test_a_live_value_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="cannot be written"):
        IdentifierSpec(id=1, name="x", live=SignalSpec(base=1), write=WriteRule())


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
