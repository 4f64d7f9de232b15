from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.shop_data import make
from benchmarks.suites import backoffice


@pytest.mark.long
@pytest.mark.process
@pytest.mark.timeout(180)
async def test_both_are_asked_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoffice, "WARM_UP", 1)
    data = make(tmp_path / "shop.db", 200, 200)
    rows = await backoffice.compare(tmp_path, data, 0.1)
    assert len(rows) == 2 * 2 * len(backoffice.QUESTIONS)
    assert all(row.figures["p50 ms"] > 0 for row in rows)
    held = [row.note for row in rows if row.note]
    assert len(held) == 6
    assert held[0].endswith("times FastAPI's; aim: 1.3 at most")
