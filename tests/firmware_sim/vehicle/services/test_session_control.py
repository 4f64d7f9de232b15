from __future__ import annotations

import pytest

from tests.firmware_sim.vehicle.services.bench import Bench


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        ("1001", "5001003201f4"),
        ("1002", "5002003201f4"),
        ("1003", "5003003201f4"),
        ("1083", ""),
        ("1004", "7f1012"),
        ("1000", "7f1012"),
        ("100301", "7f1013"),
        ("1101", "5101"),
        ("1103", "5103"),
        ("1104", "7f1112"),
        ("110100", "7f1113"),
        ("3e00", "7e00"),
        ("3e80", ""),
        ("3e", "7f3e13"),
        ("3e0000", "7f3e13"),
    ],
)
def test_session_reset_and_tester_present(engine: Bench, request_: str, answer: str) -> None:
    assert engine.ask(request_) == answer
