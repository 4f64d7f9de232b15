from __future__ import annotations

from pathlib import Path

import pytest

from firmware_sim.vehicle.ecu_spec import Hex
from firmware_sim.vehicle.loader import (
    MAX_FILE,
    VehicleFileError,
    load_vehicle,
    model_names,
    parse_vehicle,
)

MINIMAL = """
name: test
title: a test
kind: can
vin: WVWZZZAUZHP341562
voltage: {base: 12}
buses: [{name: can0, bitrate: 500000}]
ecus:
  - name: engine
    request_id: 0x7E0
    response_id: 0x7E8
    identifiers:
      - {id: 0xF190, name: vin, vin: true}
      - {id: 0x0600, name: coding, hex: "01 FF"}
"""


def refused(text: str) -> str:
    with pytest.raises(VehicleFileError) as caught:
        parse_vehicle(text, "test.yaml")
    return str(caught.value)


def test_a_minimal_vehicle_loads() -> None:
    vehicle = parse_vehicle(MINIMAL, "test.yaml")
    engine = vehicle.ecus[0]
    assert engine.request_id == 0x7E0
    assert engine.identifiers[1].hex == Hex(b"\x01\xff")
    assert vehicle.bus_of(engine) == "can0"


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('hex: "01 FF"', "hex: 12", 'hex text in quotes, like "01 FF", not 12 - at `$.ecus[0]'),
        ('hex: "01 FF"', 'hex: "0G"', "`$.ecus[0].identifiers[1].hex`"),
        ('hex: "01 FF"', 'hex: "01", text: x', "exactly one of text, hex, live and vin"),
        ("hex:", "heks:", "unknown field `heks`"),
        ("0x0600", "0xF190", "identifier declared twice: F190"),
        ("0x0600", "0x10600", "`$.ecus[0].identifiers[1].id`"),
        ("bitrate: 500000", "bitrate: fast", "`$.buses[0].bitrate`"),
        ("WVWZZZAUZHP341562", "WVWZZZAUZHP34156I", "no vehicle identification number"),
        ("kind: can", "kind: lin", "`$.kind`"),
        ("kind: can", "kind: doip", "needs a gateway_address"),
        ("    request_id: 0x7E0\n", "", "needs request_id and response_id"),
        ("name: engine", "name: engine\n    bus: can7", "bus 'can7', which is not declared"),
        ("name: engine", "name: engine\n    sessions: [2, 3]", "default session 1"),
        (
            'hex: "01 FF"',
            'hex: "01", write: {security: 3}',
            "writing identifier 0600 needs security level 3",
        ),
        ("ecus:", "ecus: [", "line"),
        (MINIMAL, "- 1", "Expected `object`, got `array`"),
        (MINIMAL, "", "Expected `object`, got `null`"),
        (MINIMAL, "a: !!python/object:os.system {}", "could not determine a constructor"),
        (MINIMAL, "#" * (MAX_FILE + 1), "larger than"),
    ],
)
def test_a_broken_file_is_refused_with_file_place_and_reason(
    old: str, new: str, complaint: str
) -> None:
    message = refused(MINIMAL.replace(old, new))
    assert message.startswith("test.yaml: ")
    assert complaint in message


def test_a_vehicle_is_found_by_name_or_by_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(MINIMAL, "utf-8")
    assert load_vehicle(str(path)).name == "test"
    assert load_vehicle("golf").kind == "can"


@pytest.mark.parametrize("name", ["nothing", "nothing.yaml", "."])
def test_what_is_not_there_is_refused(name: str) -> None:
    with pytest.raises(VehicleFileError, match=r"nothing|choose golf"):
        load_vehicle(name)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "binary.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(VehicleFileError, match=r"binary\.yaml"):
        load_vehicle(str(path))


def test_the_package_brings_one_vehicle_of_each_kind() -> None:
    vehicles = [load_vehicle(name) for name in model_names()]
    assert sorted(vehicle.kind for vehicle in vehicles) == ["can", "can-fd", "doip"]
    assert all(len(vehicle.ecus) == 3 for vehicle in vehicles)
    assert [vehicle.name for vehicle in vehicles] == list(model_names())
    assert [bus.data_bitrate for bus in load_vehicle("ram1500").buses] == [2_000_000]
