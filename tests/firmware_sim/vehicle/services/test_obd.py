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


def test_an_ecu_with_nothing_to_say_is_silent_functionally(body: Bench) -> None:
    assert body.ask("0100", functional=True) == ""
    assert body.ask("22f190", functional=True) == "62f190" + VIN
