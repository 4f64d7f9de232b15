from __future__ import annotations

from pathlib import Path

import pytest

from firmware_sim.firmware.plug import FilePlug


def test_millivolts_behind_a_divider_and_a_switch(tmp_path: Path) -> None:
    (tmp_path / "in1_input").write_text("1240\n")
    (tmp_path / "value").write_text("1\n")
    plug = FilePlug(tmp_path / "in1_input", 10.0, tmp_path / "value")
    assert plug.voltage() == pytest.approx(12.4)
    assert plug.ignition is True
    (tmp_path / "value").write_text("0")
    assert plug.ignition is False


def test_what_is_not_measured_is_not_known() -> None:
    assert (FilePlug().voltage(), FilePlug().ignition) == (None, None)


@pytest.mark.parametrize("text", ["", "on", "12.4 V", "-" * 100])
def test_a_file_that_holds_no_number_is_no_measurement(tmp_path: Path, text: str) -> None:
    path = tmp_path / "input"
    path.write_text(text)
    assert FilePlug(path).voltage() is None
    assert FilePlug(ignition_file=path).ignition is None


def test_a_file_that_is_gone_is_no_measurement() -> None:
    assert FilePlug(Path("/nowhere/in1_input")).voltage() is None
