from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_sim.fleet.scenario import FaultKind
from firmware_sim.fleet.sharing import Share, merged, processes_for, report_of, together
from firmware_sim.fleet.tally import Progress, Summary, Tally


@given(st.integers(1, 8), st.integers(0, 50))
def test_everybody_is_in_one_share_and_keeps_the_number(of: int, count: int) -> None:
    everybody = list(range(count))
    found: list[int] = []
    for index in range(of):
        share = Share(index, of)
        mine = share.select(everybody)
        assert [share.number(place) for place in range(len(mine))] == list(mine)
        found += mine
    assert sorted(found) == everybody


@pytest.mark.parametrize("text", ["", "1", "2/2", "-1/2", "0/0", "a/b", "1/2/3"])
def test_what_is_no_share_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"share|invalid literal"):
        Share.parse(text)
    assert Share.parse("1/3") == Share(1, 3)


@pytest.mark.parametrize(
    ("count", "cores", "processes"), [(0, 4, 1), (2000, 4, 1), (2001, 4, 2), (10_000, 2, 2)]
)
def test_a_process_for_so_many_up_to_the_cores(count: int, cores: int, processes: int) -> None:
    assert processes_for(count, cores) == processes


def _tally(connectors: int, connected: int, seconds: float) -> Tally:
    tally = Tally(connectors)
    tally.connected = tally.ever_connected = tally.links = connected
    tally.answered = 10
    for _ in range(connected):
        tally.first_dial_in.add(seconds)
    tally.failed_dial("nobody listens")
    tally.fates(FaultKind.CUT).injected += 2
    return tally


def test_reports_add_up() -> None:
    tallies = [_tally(100, 99, 0.1), _tally(100, 1, 8.0)]
    whole = merged(
        [
            report_of(tally, tally.summary(), seconds=10 + number, cpu_seconds=2, grown_kib=300)
            for number, tally in enumerate(tallies)
        ]
    )
    assert (whole.seconds, whole.cpu_seconds, whole.grown_kib) == (11, 4, 600)
    summary = whole.summary
    assert (summary.connectors, summary.connected, summary.exchanges_answered) == (200, 100, 20)
    assert summary.failed_dials == {"nobody listens": 2}
    assert summary.faults["cut"].injected == 4
    times = summary.first_dial_in
    assert (times.count, times.max) == (100, 8000)
    assert times.p50 == pytest.approx(100, rel=0.05)
    assert times.p99 < 200, "99 of the hundred took a tenth of a second"
    assert summary.later_dial_in.count == 0


def test_a_report_of_one_is_its_own() -> None:
    tally = _tally(5, 4, 0.1)
    report = report_of(tally, tally.summary(), seconds=1, cpu_seconds=2, grown_kib=3)
    assert merged([report]) == report
    assert isinstance(report.summary, Summary)


def test_progress_adds_up() -> None:
    shares = [_tally(5, 4, 0.1).progress(), _tally(6, 6, 0.1).progress()]
    assert together(shares) == Progress(
        connectors=11,
        connected=10,
        ever_connected=10,
        links=10,
        exchanges_answered=20,
        faults=4,
    )
