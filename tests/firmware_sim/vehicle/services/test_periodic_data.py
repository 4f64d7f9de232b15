from __future__ import annotations

import pytest

from tests.firmware_sim.vehicle.services.bench import Bench


@pytest.fixture
def ready(engine: Bench) -> Bench:
    engine.ask("1003")
    assert engine.ask("2c01f201" + "f1890104") == "6c01f201"
    return engine


def heard(bench: Bench, seconds: float) -> list[str]:
    """Let the ECU run; return what it says by itself."""
    ends, found = bench.now + seconds, []
    while (deadline := bench.ecu.next_deadline()) is not None and deadline <= ends:
        bench.now = max(deadline, bench.now)
        found += [each.payload.hex() for each in bench.ecu.handle_deadline(bench.now)]
    bench.now = ends
    return found


def test_data_comes_at_its_rate_until_it_is_stopped(ready: Bench) -> None:
    assert ready.ask("2a0201") == "6a"
    assert heard(ready, 1.1) == ["6a01" + b"5632".hex()] * 5
    assert ready.ask("2a0301") == "6a"
    assert len(heard(ready, 1.02)) == 20
    assert ready.ask("2a0401") == "6a"
    assert heard(ready, 1.0) == []


def test_it_ends_with_the_session(ready: Bench) -> None:
    ready.ask("2a0101")
    assert 4 <= len(heard(ready, 20.0)) <= 5  # S3 is 5 s
    assert ready.ask("22f186") == "62f18601"
    assert ready.ask("2a0101") == "7f2a7f"


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        ("2a0102", "7f2a31"),
        ("2a010102", "7f2a31"),
        ("2a0501", "7f2a31"),
        ("2a01", "7f2a13"),
        ("2a", "7f2a13"),
        ("2a04", "6a"),
    ],
)
def test_what_cannot_be_scheduled(ready: Bench, request_: str, answer: str) -> None:
    assert ready.ask(request_) == answer


def test_what_gets_locked_is_not_sent(engine: Bench) -> None:
    engine.unlock()
    assert engine.ask("2c01f201" + "10470102") == "6c01f201"
    assert engine.ask("2a0201") == "6a"
    assert heard(engine, 0.3) == ["6a017ffe"]
    engine.ask("1003")
    assert heard(engine, 0.3) == []
