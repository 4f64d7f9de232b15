from __future__ import annotations

from pathlib import Path

import pytest

from firmware_sim.vehicle.loader import (
    MAX_FILE,
    VehicleFileError,
    load_vehicle,
    parse_vehicle,
)
from firmware_sim.vehicle.record import Hex
from firmware_sim.vehicle.vehicle_spec import VehicleSpec

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
    ("old", "new", "line", "complaint"),
    [
        ('hex: "01 FF"', "hex: 12", 14, "identifiers[1].hex: bytes are written as hex text in"),
        ('hex: "01 FF"', 'hex: "0G"', 14, "'0G' is no hex text"),
        ('hex: "01 FF"', 'hex: "01", text: x', 14, "exactly one of text, hex, number, live"),
        ("hex:", "hexx:", 14, "unknown member hexx, do you mean hex?"),
        ("0x0600", "0xF190", 9, "ecus[0]: identifier declared twice: F190"),
        ("0x0600", "0x10600", 14, "ecus[0].identifiers[1].id: Expected `int` <= 65535"),
        ("bitrate: 500000", "bitrate: fast", 7, "buses[0].bitrate: Expected `int`"),
        ("WVWZZZAUZHP341562", "WVWZZZAUZHP34156I", 2, "no vehicle identification number"),
        ("kind: can", "kind: lin", 4, "kind: Invalid enum value 'lin'"),
        ("kind: can", "kind: doip", 2, "needs a gateway_address"),
        ("    request_id: 0x7E0\n", "", 2, "needs request_id and response_id"),
        ("name: engine", "name: engine\n    bus: can7", 2, "bus 'can7', which is not declared"),
        ("name: engine", "name: engine\n    sessions: [2, 3]", 9, "default session 1"),
        ('hex: "01 FF"', 'hex: "01", write: {security: 3}', 9, "needs security level 3"),
        ("ecus:", "ecus: [", 9, "did not find expected node content"),
        ("title: a test", "name: again", 3, "name is given twice"),
        (MINIMAL, "- 1", 1, "expected members, got a list"),
        (MINIMAL, "", 1, "the file is empty"),
        (MINIMAL, "a: !!python/object:os.system {}", 1, "have no meaning here"),
        (MINIMAL, "[" * 200 + "]" * 200, 1, "nested too deeply"),
    ],
)
def test_a_broken_file_is_refused_with_file_line_and_reason(
    old: str, new: str, line: int, complaint: str
) -> None:
    message = refused(MINIMAL.replace(old, new))
    assert message.startswith(f"test.yaml:{line}: ")
    assert complaint in message


def test_everything_wrong_in_a_file_is_told_at_once() -> None:
    broken = MINIMAL.replace("12}", "warm}").replace("0x7E0", "-1").replace("01 FF", "xx")
    lines = [line.split(": ")[0] for line in refused(broken).splitlines()]
    assert lines == ["test.yaml:6", "test.yaml:10", "test.yaml:14"]


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    path.write_text("#" * (MAX_FILE + 1), "utf-8")
    with pytest.raises(VehicleFileError, match="larger than"):
        load_vehicle(str(path))


QUIRKS = """quirks:
  - {kind: busy, request: "22", chance: 0.5}
  - {kind: silent, ecu: engine, times: 2}
"""


def test_quirks_come_from_a_file_of_their_own(tmp_path: Path) -> None:
    own = "quirks: [{kind: deaf}]\nquirks_file: bad.yaml\n"
    (tmp_path / "bad.yaml").write_text(QUIRKS, "utf-8")
    found = parse_vehicle(MINIMAL + own, "test.yaml", beside=tmp_path)
    assert [quirk.kind for quirk in found.quirks] == ["deaf", "busy", "silent"]


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("busy", "lazy", "bad.yaml:2: quirks[0].kind: Invalid enum value 'lazy'"),
        ("0.5", "2", "bad.yaml:2: quirks[0].chance: Expected `float` <= 1.0"),
        ("silent", "late", "bad.yaml:3: quirks[1]: quirk late needs seconds"),
        ("engine", "motor", "test.yaml:2: quirks of unknown ECUs: motor"),
        (QUIRKS, "", "bad.yaml:1: the file is empty"),
    ],
)
def test_broken_quirks_are_refused(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    (tmp_path / "bad.yaml").write_text(QUIRKS.replace(old, new), "utf-8")
    with pytest.raises(VehicleFileError) as caught:
        parse_vehicle(MINIMAL + "quirks_file: bad.yaml\n", "test.yaml", beside=tmp_path)
    assert str(caught.value) == complaint


def test_a_quirks_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(VehicleFileError, match=r"none\.yaml: .*No such file"):
        parse_vehicle(MINIMAL + "quirks_file: none.yaml\n", "test.yaml", beside=tmp_path)


DATABASE = """VERSION ""
NS_ :
BS_:
BU_: ECM
BO_ 256 Engine: 8 ECM
 SG_ Speed : 0|16@1+ (0.25,0) [0|16383] "rpm" Vector__XXX
"""


def test_traffic_is_looked_up_in_its_database(tmp_path: Path) -> None:
    (tmp_path / "bus.dbc").write_text(DATABASE, "utf-8")

    def load(message: str) -> VehicleSpec:
        text = f"{MINIMAL}traffic: {{database: bus.dbc, messages: [{message}]}}\n"
        return parse_vehicle(text, "test.yaml", beside=tmp_path)

    found = load("{name: Engine, ecu: engine, period: 0.1}")
    assert found.traffic is not None
    assert found.traffic.database == str(tmp_path / "bus.dbc")
    with pytest.raises(VehicleFileError) as caught:
        load("{name: Engine, ecu: engine, counter: Count}, {name: Brake, ecu: engine}")
    assert str(caught.value).splitlines() == [
        "test.yaml:2: message Engine has no signal Count",
        "test.yaml:2: message Engine needs a period: the database tells none",
        "test.yaml:2: message Brake is not in bus.dbc",
    ]
    with pytest.raises(VehicleFileError, match="traffic of unknown ECUs: motor"):
        load("{name: Engine, ecu: motor, period: 0.1}")
    (tmp_path / "bus.dbc").unlink()
    with pytest.raises(VehicleFileError, match=r"bus\.dbc: .*No such file"):
        load("{name: Engine, ecu: engine, period: 0.1}")


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
