from __future__ import annotations

import pytest

from benchmarks.harness import Options
from benchmarks.suites import doors

pytestmark = [pytest.mark.long, pytest.mark.process, pytest.mark.timeout(180)]


async def test_doors_are_measured_from_both_sides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doors, "BUSES", 1)
    monkeypatch.setattr(doors, "ROUNDS", 1)
    report = await doors.run(Options(seconds=0.5))
    rows = {row.name: row.figures for row in report.rows}
    direct, through, _on_can, added = list(rows.values())[:4]
    assert direct["per second"] > 0
    assert added["p50 ms"] == pytest.approx(through["p50 ms"] - direct["p50 ms"], abs=0.01)
    assert all(rows[name]["frames per second"] > 0 for name in rows if "socketcand" in name)
