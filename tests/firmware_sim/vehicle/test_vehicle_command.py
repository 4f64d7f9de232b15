from __future__ import annotations

from pathlib import Path

import pytest

from firmware_sim.cli import main
from firmware_sim.vehicle.command import line_of
from firmware_sim.vehicle.loader import load_vehicle, model_names


def test_all_vehicles_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["vehicles"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(model_names())
    assert lines[0] == line_of(load_vehicle("golf"), "golf")
    assert lines[0].split()[1] == "can"
    assert lines[0].endswith(": engine, body, gateway")


def test_a_broken_file_is_told_line_by_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("name: x\nkind: boat\n", "utf-8")
    assert main(["vehicles", "xc90", str(path)]) == 1
    output = capsys.readouterr()
    assert output.out.startswith("xc90")
    assert f"{path}:2: kind: Invalid enum value 'boat'" in output.err.splitlines()
    assert len(output.err.splitlines()) == 2
