from __future__ import annotations

import pytest

from tests.firmware_sim.vehicle.services.bench import VIN, Bench


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        ("0100", "4100983a8011"),
        ("0120", "412080020001"),
        ("0140", "414040000000"),
        ("0160", ""),
        ("011c", "411c06"),
        ("010d1c", "410d001c06"),
        ("010d99", "410d00"),
        ("0199", ""),
        ("01", "7f0113"),
        ("01000102030405" + "06", "7f0113"),
        ("03", "430203010171"),
        ("0300", "7f0313"),
        ("07", "470203012004"),
        ("0900", "490054400000"),
        ("0902", "490201" + VIN),
        ("0904", "490401" + b"04E906027HA 5632".hex()),
        ("0906", "4906019b31c40e"),
        ("090a", "490a01" + b"ECM-EngineControl".ljust(20, b"\0").hex()),
        ("0908", ""),
        ("0920", ""),
        ("09", "7f0913"),
        ("020200", "42020003" + "01"),
        ("020c00", "420c000d48"),
        ("02020005000c00", "4202000301" + "05007c" + "0c000d48"),
        ("020000", "4200005810" + "0000"),
        ("020c01", ""),  # there is one frame
        ("020d00", ""),
        ("0202", "7f0213"),
        ("050001", "45000180000000"),
        ("050101", "450101506e82"),
        ("050201", ""),
        ("050002", ""),
        ("06", "7f0613"),
        ("0600", "460080000000"),
        ("0601", "46018d0a" + "01c2" + "0000" + "03e8" + "018e0a" + "0010" + "0000" + "0040"),
        ("0602", ""),
        ("0800", "480080000000"),
        ("0801", "48010000000000"),
        ("08010000000000", "48010000000000"),
        ("0802", ""),
        ("0a", "4a010301"),
        ("0a00", "7f0a13"),
    ],
)
def test_obd_modes(engine: Bench, request_: str, answer: str) -> None:
    assert engine.ask(request_) == answer


def test_obd_live_values_move(engine: Bench) -> None:
    first = engine.ask("010c")
    engine.now += 2
    assert engine.ask("010c") != first
    assert first[:4] == "410c"


def test_obd_clears_emission_related_codes(engine: Bench) -> None:
    assert engine.ask("04") == "44"
    assert engine.ask("03") == "4300"
    assert engine.ask("07") == "4700"
    assert engine.ask("0a") == "4a010301"
    assert engine.ask("020200") == "4202000000"
    assert engine.ask("020c00") == ""
    assert engine.ask("0101") == "410100076500"


def test_an_ecu_with_nothing_to_say_is_silent_functionally(body: Bench) -> None:
    assert body.ask("0100", functional=True) == ""
    assert body.ask("22f190", functional=True) == "62f190" + VIN
