from __future__ import annotations

import pytest

from firmware_sim.vehicle.security import key_for
from tests.firmware_sim.vehicle.services.bench import GOLF, VIN, Bench


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        ("22f190", "62f190" + VIN),
        ("22f187", "62f187" + b"04E906027HA".hex()),
        ("22f189f195", "62f189" + b"5632".hex() + "f195" + b"H13".hex()),
        ("22f1891234", "62f189" + b"5632".hex()),  # the unknown one of many is left out
        ("22f186", "62f18601"),
        ("221234", "7f2231"),
        ("221047", "7f2231"),  # only in the extended session
        ("22", "7f2213"),
        ("22f1", "7f2213"),
        ("22f190f1", "7f2213"),
        ("22" + "f190" * 17, "7f2213"),
    ],
)
def test_reading_identifiers(engine: Bench, request_: str, answer: str) -> None:
    assert engine.ask(request_) == answer


def test_a_protected_identifier_refuses_the_whole_request(engine: Bench) -> None:
    engine.ask("1003")
    assert engine.ask("22f1891047") == "7f2233"
    engine.unlock()
    assert engine.ask("221047") == "6210477ffe8001"


def test_writing_needs_session_security_length_and_sense(engine: Bench) -> None:
    coding = "2e0600" + "00" * 8
    assert engine.ask(coding) == "7f2e7f"
    engine.ask("1002")
    assert engine.ask(coding) == "7f2e31"  # this identifier not in this session
    engine.ask("1003")
    assert engine.ask(coding) == "7f2e33"
    engine.unlock()
    assert engine.ask("2e0600" + "00" * 7) == "7f2e13"
    assert engine.ask("2e0600") == "7f2e13"
    assert engine.ask("2e123400") == "7f2e31"
    assert engine.ask("2ef18700") == "7f2e31"  # readable, never writable
    assert engine.ask("2ef190" + b"WVWZZZAUIHP341562".hex()) == "7f2e31"  # no VIN has an I
    assert engine.ask(coding) == "6e0600"
    assert engine.ask("220600") == "620600" + "00" * 8


def test_what_was_written_survives_a_reset(engine: Bench) -> None:
    engine.unlock()
    new = b"WVWZZZAUZHP000001".hex()
    assert engine.ask("2ef190" + new) == "6ef190"
    engine.ask("1101")
    engine.now += 1
    assert engine.ask("22f190") == "62f190" + new
    engine.ask("1003")
    assert engine.ask("2ef190" + new) == "7f2e33"  # and security is closed again


def test_coding_is_validated_by_its_rules(body: Bench) -> None:
    body.ask("1003")
    seed = bytes.fromhex(body.ask("2703"))[2:]
    body.ask("2704" + key_for(GOLF.ecus[1].security[0], seed).hex())
    coding = body.ask("220600")[6:]
    assert body.ask("2e0600" + coding) == "6e0600"
    assert body.ask("2e0600" + coding[:2] + "F2" + coding[4:]) == "6e0600"  # upper bits are free
    assert body.ask("2e0600" + coding[:2] + "03" + coding[4:]) == "7f2e31"


def test_a_number_is_kept_within_its_bounds(engine: Bench) -> None:
    engine.unlock()
    assert engine.ask("220711") == "6207110320"
    assert engine.ask("2e07110289") == "7f2e31"
    assert engine.ask("2e071104b0") == "6e0711"
    assert engine.ask("220711") == "62071104b0"
