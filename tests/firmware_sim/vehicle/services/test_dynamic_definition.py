from __future__ import annotations

import pytest

from tests.firmware_sim.vehicle.services.bench import Bench


def test_an_identifier_put_together_from_others(engine: Bench) -> None:
    assert engine.ask("2c01f300" + "f1890103" + "f1900204") == "6c01f300"
    assert engine.ask("22f300") == "62f300" + b"563".hex() + b"VWZZ".hex()
    assert engine.ask("2c01f300" + "f18b0101") == "6c01f300"
    assert engine.ask("22f300") == "62f300" + b"563VWZZ".hex() + "17"
    assert engine.ask("2c03f300") == "6c03f300"
    assert engine.ask("22f300") == "7f2231"


def test_memory_and_security_hold_for_what_is_defined(engine: Bench) -> None:
    assert engine.ask("2c02f301144000000004") == "7f2c31"  # not in this session
    assert engine.ask("2c01f301" + "10470102") == "7f2c31"
    engine.ask("1003")
    assert engine.ask("2c01f301" + "10470102") == "7f2c33"
    engine.unlock()
    assert engine.ask("2c02f301" + "14" + "4000000004" + "4000000802") == "6c02f301"
    assert engine.ask("2c01f301" + "10470102") == "6c01f301"
    assert engine.ask("22f301") == "62f301" + "00" * 6 + "7ffe"
    engine.ask("1003")
    assert engine.ask("22f301") == "7f2233"


def test_a_reset_forgets_definitions_and_so_does_a_bare_clear(engine: Bench) -> None:
    engine.ask("2c01f300" + "f1890103")
    engine.ask("1101")
    engine.now += 1
    assert engine.ask("22f300") == "7f2231"
    engine.ask("2c01f300" + "f1890103")
    assert engine.ask("2c03") == "6c03"
    assert engine.ask("22f300") == "7f2231"


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        ("2c01f400" + "f1890101", "7f2c31"),  # not one of those that may be defined
        ("2c01f300" + "f1890105", "7f2c31"),  # longer than its source
        ("2c01f300" + "f1890001", "7f2c31"),
        ("2c01f300" + "f1890100", "7f2c31"),
        ("2c01f300" + "12340101", "7f2c31"),
        ("2c01f300" + "f18901", "7f2c13"),
        ("2c01f300" + "f189010100", "7f2c13"),
        ("2c01f300", "7f2c13"),
        ("2c02f30014400000", "7f2c13"),
        ("2c03f190", "7f2c31"),
        ("2c03f3", "7f2c13"),
        ("2c04", "7f2c12"),
    ],
)
def test_what_cannot_be_defined(engine: Bench, request_: str, answer: str) -> None:
    assert engine.ask(request_) == answer


def test_ecus_without_it_say_so(body: Bench) -> None:
    assert body.ask("2c03") == "7f2c11"
