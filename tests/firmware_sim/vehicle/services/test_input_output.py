from __future__ import annotations

from tests.firmware_sim.vehicle.services.bench import Bench

FAN = "0710"


def test_a_tester_takes_over_and_gives_back(engine: Bench) -> None:
    assert engine.ask(f"2f{FAN}0332") == "7f2f7f"
    engine.ask("1003")
    assert engine.ask(f"2f{FAN}0332") == "7f2f33"
    engine.unlock()
    assert engine.ask(f"2f{FAN}0332") == f"6f{FAN}0332"
    assert engine.ask(f"22{FAN}") == f"62{FAN}32"
    assert engine.ask(f"2f{FAN}0365") == "7f2f31"  # over its bounds
    assert engine.ask(f"2f{FAN}01") == f"6f{FAN}0100"
    assert engine.ask(f"2f{FAN}0311") == f"6f{FAN}0311"
    assert engine.ask(f"2f{FAN}02") == f"6f{FAN}0211"
    assert engine.ask(f"2f{FAN}00") == f"6f{FAN}0000"


def test_what_is_held_ends_with_the_session(engine: Bench) -> None:
    engine.unlock()
    engine.ask(f"2f{FAN}0332")
    engine.ask("1001")
    assert engine.ask(f"22{FAN}") == f"62{FAN}00"


def test_what_cannot_be_controlled(engine: Bench) -> None:
    engine.unlock()
    for request, answer in (
        ("2f06000001", "7f2f31"),
        ("2f123403", "7f2f31"),
        (f"2f{FAN}0410", "7f2f31"),
        (f"2f{FAN}", "7f2f13"),
        (f"2f{FAN}03", "7f2f13"),
        (f"2f{FAN}0001", "7f2f13"),
    ):
        assert engine.ask(request) == answer, request
    assert Bench("gateway").ask(f"2f{FAN}00") == "7f2f11"


def test_a_frozen_live_value_stands_still() -> None:
    body = Bench("body")
    body.ask("1003")
    assert body.ask("2f0950030102") == "6f0950030102"
    assert body.ask("2f095000") == "6f0950000000"
