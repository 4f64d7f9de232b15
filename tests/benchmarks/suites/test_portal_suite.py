from __future__ import annotations

import pytest

from benchmarks.suites import portal

pytestmark = [pytest.mark.long, pytest.mark.process, pytest.mark.timeout(300)]


async def test_a_crowd_is_told_and_polling_is_held_against_the_peer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(portal, "ROUNDS", 1)
    async with portal.open_shop() as shop:
        ours, spared, peer = await portal._polling(shop, 0.6)
        assert all(row.figures["per second"] > 0 for row in (ours, spared, peer))
        told = await portal._told(shop, 30)
    assert 0 < told.figures["p50 ms"] <= told.figures["p99 ms"]
    assert told.figures["CPU seconds"] >= 0
