from __future__ import annotations

from firmware_sim.vehicle.data_spec import IdentifierSpec, SignalSpec
from firmware_sim.vehicle.ecu_spec import EcuSpec
from firmware_sim.vehicle.identifiers import Identifiers
from firmware_sim.vehicle.record import Hex

SPEC = EcuSpec(
    name="engine",
    identifiers=(
        IdentifierSpec(id=0xF190, name="vin", vin=True),
        IdentifierSpec(id=0xF187, name="part", text="04E906027HA"),
        IdentifierSpec(id=0x0600, name="coding", hex=Hex(b"\x01\x02")),
        IdentifierSpec(id=0xF40C, name="speed", live=SignalSpec(base=800, swing=9, length=2)),
    ),
)


def content(identifiers: Identifiers, number: int, now: float = 0.0) -> bytes:
    spec = identifiers.find(number)
    assert spec is not None
    return identifiers.content(spec, now)


def test_each_kind_of_content() -> None:
    identifiers = Identifiers(SPEC, "WVWZZZAUZHP341562", "seed")
    assert content(identifiers, 0xF190) == b"WVWZZZAUZHP341562"
    assert content(identifiers, 0xF187) == b"04E906027HA"
    assert content(identifiers, 0x0600) == b"\x01\x02"
    assert content(identifiers, 0xF40C, 1.0) != content(identifiers, 0xF40C, 20.0)
    assert identifiers.find(0x1234) is None


def test_what_was_written_stays() -> None:
    identifiers = Identifiers(SPEC, "WVWZZZAUZHP341562", "seed")
    spec = identifiers.find(0x0600)
    assert spec is not None
    identifiers.write(spec, b"\x03\x04")
    assert content(identifiers, 0x0600, 99.0) == b"\x03\x04"
