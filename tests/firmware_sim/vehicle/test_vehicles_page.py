"""docs/vehicles.md: its example loads and works, its commands run, and no member is missing."""

from __future__ import annotations

import inspect
import re
import shlex
from pathlib import Path
from typing import get_args

import pytest
from msgspec.structs import fields

from firmware_sim.cli import main
from firmware_sim.vehicle import (
    data_spec,
    ecu_spec,
    fault_spec,
    function_spec,
    obd_spec,
    quirk_spec,
    record,
    traffic_spec,
    transport_spec,
    vehicle_spec,
)
from firmware_sim.vehicle.ecu import EcuApplication
from firmware_sim.vehicle.loader import load_vehicle, model_names
from firmware_sim.vehicle.record import Record
from firmware_sim.vehicle.vehicle_spec import VehicleSpec

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "vehicles.md").read_text("utf-8")
#: The page without its fenced blocks, for what stands between single backticks.
PROSE = re.sub(r"^```.*?^```", "", PAGE, flags=re.MULTILINE | re.DOTALL)
SPECS = (data_spec, ecu_spec, fault_spec, function_spec, obd_spec, quirk_spec, record,
         traffic_spec, transport_spec, vehicle_spec)  # fmt: skip


def block(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    return str(found)


@pytest.fixture
def example(tmp_path: Path) -> VehicleSpec:
    (tmp_path / "mini.dbc").write_text(block("text"), "utf-8")
    (tmp_path / "mini.yaml").write_text(block("yaml"), "utf-8")
    return load_vehicle(str(tmp_path / "mini.yaml"))


def test_the_example_is_a_vehicle_that_answers(example: VehicleSpec) -> None:
    ecu = EcuApplication(example.ecus[0], example.vin, "docs")
    (answer,) = ecu.handle(b"\x22\xf1\x90", 0.0)
    assert answer.payload[3:] == example.vin.encode()
    (codes,) = ecu.handle(b"\x19\x02\xff", 1.0)
    assert codes.payload.hex() == "59022f0301002f"


def test_every_member_is_on_the_page() -> None:
    told = set(re.findall(r"[a-z0-9_]+", " ".join(re.findall(r"`([^`]+)`", PROSE)))) | set(
        re.findall(r"([a-z0-9_]+):", block("yaml"))
    )
    missing = {
        f"{name}.{field.name}"
        for module in SPECS
        for name, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, Record)
        for field in fields(kind)
        if field.name not in told
    }
    assert sorted(missing) == []


def test_every_kind_of_quirk_and_every_vehicle_is_on_the_page() -> None:
    told = set(re.findall(r"`([a-z0-9]+)`", PROSE))
    assert set(get_args(quirk_spec.QuirkKind)) <= told
    assert set(model_names()) <= told


def test_the_commands_run(capsys: pytest.CaptureFixture[str]) -> None:
    for line in block("sh").splitlines():
        program, *arguments = shlex.split(line)
        assert program == "firmware-sim"
        assert main(arguments) == 0
    assert "golf" in capsys.readouterr().out
