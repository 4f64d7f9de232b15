from __future__ import annotations

import pytest

from tests.firmware_sim.vehicle.services.bench import Bench


def test_a_routine_from_start_to_result(engine: Bench) -> None:
    assert engine.ask("310103e0") == "7f3131"  # not in the default session
    engine.ask("1003")
    assert engine.ask("310103e0") == "7f3133"
    engine.unlock()
    assert engine.ask("310303e0") == "7f3124"
    assert engine.ask("310203e0") == "7f3124"
    assert engine.ask("310103e000") == "7f3113"
    assert engine.ask("310103e0") == "710103e001"
    assert engine.ask("310103e0") == "7f3122"
    assert engine.ask("310303e0") == "710303e001"
    engine.now += 3
    assert engine.ask("310303e0") == "710303e0020164"


def test_stopping_a_routine(engine: Bench) -> None:
    engine.unlock()
    engine.ask("310103e0")
    assert engine.ask("310203e0") == "710203e003"
    assert engine.ask("310303e0") == "710303e003"
    assert engine.ask("310203e0") == "7f3124"


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        ("31010203", "710102030200"),
        ("31020203", "7f3112"),
        ("31031234", "7f3131"),
        ("31040203", "7f3112"),
        ("310102", "7f3113"),
    ],
)
def test_other_routine_requests(engine: Bench, request_: str, answer: str) -> None:
    engine.ask("1003")
    assert engine.ask(request_) == answer
