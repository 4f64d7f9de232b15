from __future__ import annotations

import pytest

from benchmarks.suites import recording

pytestmark = [pytest.mark.long, pytest.mark.process, pytest.mark.timeout(300)]


async def test_a_gateway_that_records_is_held_against_one_that_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(recording, "ROUNDS", 1)
    report = await recording.measure(0.5, (2,))
    recorded, bare, cost = (row.figures for row in report.rows)
    assert recorded["per CPU s"] > 0
    assert bare["per CPU s"] > 0
    less = 100 * (1 - recorded["per CPU s"] / bare["per CPU s"])
    assert cost["per CPU s %"] == pytest.approx(less, abs=0.1)
