from __future__ import annotations

from functools import reduce
from operator import xor
from pathlib import Path

import pytest

from firmware_sim.vehicle.data_spec import WaveSpec
from firmware_sim.vehicle.traffic import (
    DatabaseError,
    DatabaseMessage,
    open_database,
    traffic_complaints,
)
from firmware_sim.vehicle.traffic_spec import TrafficMessageSpec, TrafficSpec

TEXT = """VERSION ""
NS_ :
BS_:
BU_: ECM
BO_ 256 Engine: 8 ECM
 SG_ Speed : 0|16@1+ (0.25,0) [0|8000] "rpm" Vector__XXX
 SG_ Temperature : 16|8@1- (1,0) [-40|120] "degC" Vector__XXX
 SG_ Count : 24|4@1+ (1,0) [0|15] "" Vector__XXX
 SG_ Check : 56|8@1+ (1,0) [0|255] "" Vector__XXX
 SG_ Twisted : 36|8@1+ (1,0) [0|255] "" Vector__XXX
BO_ 2566844926 Wide: 16 ECM
 SG_ Volume : 0|8@1+ (2,10) [0|0] "" Vector__XXX
BA_DEF_ BO_ "GenMsgCycleTime" INT 0 65535;
BA_DEF_DEF_ "GenMsgCycleTime" 0;
BA_ "GenMsgCycleTime" BO_ 256 20;
"""


@pytest.fixture
def path(tmp_path: Path) -> str:
    file = tmp_path / "bus.dbc"
    file.write_text(TEXT, "cp1252")
    return str(file)


def message(path: str, spec: TrafficMessageSpec) -> DatabaseMessage:
    found = open_database(path).get_message_by_name(spec.name)
    return DatabaseMessage(spec, found, "seed")


def test_signals_move_count_and_add_up(path: str) -> None:
    speed = WaveSpec(base=1000)
    engine = message(
        path,
        TrafficMessageSpec(
            name="Engine", ecu="ecm", signals={"Speed": speed}, counter="Count", checksum="Check"
        ),
    )
    assert engine.period == 0.02
    assert engine.key == "Engine"
    frames = [engine.frame(0.0) for _ in range(17)]
    assert [frame.data[3] & 0x0F for frame in frames] == [*range(16), 0]
    assert {frame.data[:2] for frame in frames} == {(4000).to_bytes(2, "little")}
    assert all(reduce(xor, frame.data) == 0 for frame in frames)
    assert {(frame.id, frame.extended, frame.fd) for frame in frames} == {(256, False, False)}


def test_values_are_clipped_to_what_the_signal_holds(path: str) -> None:
    waves = {"Speed": WaveSpec(base=99999), "Temperature": WaveSpec(base=-99)}
    engine = message(path, TrafficMessageSpec(name="Engine", ecu="ecm", signals=waves))
    assert engine.frame(0.0).data[:3] == (32000).to_bytes(2, "little") + b"\xd8"
    wide = message(path, TrafficMessageSpec(name="Wide", ecu="ecm", period=1.0))
    frame = wide.frame(0.0)
    assert (len(frame.data), frame.extended, frame.fd, frame.brs) == (16, True, True, True)


def test_what_the_database_does_not_have(path: str) -> None:
    messages = (
        TrafficMessageSpec(name="Nobody", ecu="x"),
        TrafficMessageSpec(name="Engine", ecu="x", signals={"Sped": WaveSpec(base=1)}),
        TrafficMessageSpec(name="Wide", ecu="x", checksum="Volume"),
    )
    spec = TrafficSpec(database=path, messages=messages)
    database = open_database(path)
    assert list(traffic_complaints(spec, database, fd=False)) == [
        "message Nobody is not in bus.dbc",
        "message Engine has no signal Sped",
        "message Wide needs a period: the database tells none",
        "message Wide has 16 bytes and the bus is classic CAN",
    ]
    twisted = TrafficMessageSpec(name="Engine", ecu="x", checksum="Twisted")
    spec = TrafficSpec(database=path, messages=(twisted,))
    (complaint,) = traffic_complaints(spec, database, fd=True)
    assert "is not one whole byte" in complaint


def test_broken_databases_are_refused(tmp_path: Path) -> None:
    for name, content in (("a.dbc", b"BO_ nonsense"), ("b.dbc", b"\x81")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DatabaseError, match=name):
            open_database(str(tmp_path / name))
    with pytest.raises(DatabaseError, match=r"none\.dbc"):
        open_database(str(tmp_path / "none.dbc"))
