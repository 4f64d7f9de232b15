"""The suite of several nodes measures, and what it measures makes sense."""

from __future__ import annotations

import pytest

from benchmarks.harness import Options
from benchmarks.suites import cluster
from tests.support import postgres, valkey

pytestmark = [pytest.mark.long, pytest.mark.process, pytest.mark.timeout(300)]


async def test_every_row_has_its_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    if postgres.binaries() is None:
        pytest.skip("PostgreSQL: not installed")
    if valkey.binary() is None:
        pytest.skip("Valkey: neither valkey-server nor redis-server is installed")
    monkeypatch.setattr(cluster, "VEHICLES", 2)
    report = await cluster.run(Options(seconds=0.5))
    rows = {row.name: row.figures for row in report.rows}
    assert rows["VIN, same node"]["per second"] > 0
    assert rows["VIN, across nodes"]["p50 ms"] > 0
    assert rows["2 nodes carry"]["times"] > 0
    assert rows["event at the other node"]["out of order"] == 0
