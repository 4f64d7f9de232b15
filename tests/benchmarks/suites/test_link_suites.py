"""Each question of the suite ``link``, end to end and small, over real processes and sockets."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks.client import open_client
from benchmarks.harness import Report
from benchmarks.peers import middle, mosquitto
from benchmarks.suites import link_exchanges, link_frames, link_fuzz, link_idle, link_return

pytestmark = [pytest.mark.long, pytest.mark.process]

#: Of the peers, one whose program is ours; Mosquitto is not everywhere.
KINDS = ("gateway", "tcp")


#: Every process of these tests inherits it, so that they can be told from another run's.
MARK = "BENCHMARK_OF_THIS_TEST_RUN"


@pytest.fixture(autouse=True)
def marked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(MARK, str(os.getpid()))


def leftovers() -> list[str]:
    """Return processes of these tests that are still there."""
    found = []
    wanted = f"{MARK}={os.getpid()}\0".encode()
    for file in Path("/proc").glob("[0-9]*/environ"):
        try:
            if wanted in file.read_bytes():
                found.append(file.parent.name)
        except OSError:
            continue
    return found


def figures(report: Report, name: str) -> dict[str, float]:
    [row] = [row for row in report.rows if row.name.startswith(name)]
    return dict(row.figures)


async def test_exchanges_are_measured_through_everything() -> None:
    report = await link_exchanges.measure(0.3, (2,), ("gateway", "websocket", "tcp"))
    names = [row.name for row in report.rows]
    assert names[:4] == [
        "gateway, 2 sessions",
        "trio-websocket relay, 2 sessions",
        "raw Trio TCP relay, 2 sessions",
        "gateway, half load",
    ]
    through = figures(report, "gateway, 2")
    assert through["per second"] > 0
    assert 0 < through["p50 ms"] <= through["p99 ms"]
    computed = figures(report, "one exchange")["B each"]
    assert computed / 2 < through["B each"] < 3 * computed
    assert figures(report, "raw Trio TCP relay, 2")["B each"] == pytest.approx(21, abs=8)
    half = figures(report, "gateway, half")["per second"]
    assert 0 < half < 0.7 * through["per second"]
    assert "x per CPU s" in report.rows[1].note
    assert leftovers() == []


@pytest.mark.skipif(mosquitto.binary() is None, reason="no mosquitto on this machine")
@pytest.mark.parametrize("kind", ["mqtt", "mqtt-1"])
async def test_a_broker_of_our_own_relays(kind: str) -> None:
    async with (
        middle.open_middle(kind, 2) as broker,
        broker.operate(2, False) as carrier,
        open_client(carrier) as client,
    ):
        for connector in (0, 1):
            answer = await client.exchange(connector, bytes.fromhex("3E00"))
            assert answer == bytes.fromhex("7E00")


async def test_frames_are_measured_with_the_machines_clock() -> None:
    report = await link_frames.measure(0.6, 2, KINDS)
    for name in ("gateway, 2 buses", "raw Trio TCP relay, 2 buses"):
        short, long = figures(report, f"{name}, 10 ms"), figures(report, f"{name}, 20 ms")
        # A process that is late sends larger batches; so close to twice, and not exactly.
        assert long["frames in a batch"] > 1.3 * short["frames in a batch"]
    for row in report.rows[:4]:
        carried = row.figures
        assert carried["frames per second"] > 0
        each = carried["frames per CPU s"] / carried["batches per CPU s"]
        assert each == pytest.approx(carried["frames in a batch"], rel=0.3)
        # A batch's oldest frame has waited for the others; another clock would be hours away.
        assert 5 < carried["p50 ms"] < 10_000
        # 18 of its own and a share of the batch's; what is on its way when counting begins and
        # ends blurs a short run.
        assert 12 < carried["B each"] < 36


async def test_idle_connectors_cost_memory() -> None:
    report = await link_idle.measure(0.3, 50, ("websocket", "tcp"), settle=0.1)
    standing = figures(report, "trio-websocket relay, 50 idle")
    assert standing["KiB each"] > figures(report, "raw Trio TCP relay")["KiB each"] >= 0
    assert standing["window s"] >= 0.3


async def test_everybody_comes_back() -> None:
    report = await link_return.measure(10, KINDS)
    back = figures(report, "gateway")
    assert back["refused for good"] == 0
    assert 0 < back["s to ready"] <= back["s"]
    assert back["online"] == 10


async def test_a_peer_that_is_not_there_is_skipped_by_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mosquitto, "binary", lambda: None)
    report = await link_idle.measure(0.1, 5, ("tcp", "mqtt"), settle=0.0)
    assert [row.note for row in report.rows][1] == "skipped: no mosquitto on this machine"
    with pytest.raises(RuntimeError, match="no mosquitto"):
        mosquitto.command(Path("/nowhere"), 1, 2)


@pytest.mark.timeout(180)
async def test_hostile_connections_are_counted_from_both_sides(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(link_fuzz, "SETTLE", 0.5)
    monkeypatch.setattr(link_fuzz, "INTRUDERS", 14)
    report = await link_fuzz.measure(3 * 28, healthy=3)
    found = figures(report, "84 hostile connections beside 3 good")
    assert (found["exits"], found["links lost"], found["online at the end"]) == (0, 0, 3)
    assert 0 < found["lines each"] <= 1
    notes = {row.name: row.note for row in report.rows[1:]}
    assert "authentication" in notes["became no link"]
    assert "protocol" in notes["links ended"]
    assert "http 404 3" in notes["as the intruders saw it"]
