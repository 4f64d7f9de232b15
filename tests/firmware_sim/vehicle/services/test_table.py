from __future__ import annotations

import pytest

from tests.firmware_sim.vehicle.services.bench import Bench


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        ("ba", "7fba11"),  # no such service
        ("3601", "7f367f"),
        ("3800", "7f3811"),
        ("2703", "7f277f"),  # not in the default session
        ("2e0600", "7f2e7f"),
        ("280001", "7f287f"),
        ("8501", "7f857f"),
        ("10", "7f1013"),  # sub-function missing
        ("3e01", "7f3e12"),  # sub-function unknown
        ("1e00", "7f1e11"),
    ],
)
def test_common_refusals(engine: Bench, request_: str, answer: str) -> None:
    assert engine.ask(request_) == answer


def test_what_an_ecu_does_not_have_it_does_not_support(body: Bench) -> None:
    assert body.ask("0100") == "7f0111"
    gateway = Bench("gateway")
    assert gateway.ask("31010203") == "7f3111"
