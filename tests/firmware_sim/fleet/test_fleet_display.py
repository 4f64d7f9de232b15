from __future__ import annotations

import sys

import msgspec
import pytest
import trio
from trio.testing import MockClock

from firmware_sim.fleet.display import Costs, Report, rows, show_json, show_progress, show_table
from firmware_sim.fleet.scenario import FaultKind
from firmware_sim.fleet.tally import Tally
from protocols.link.messages import CloseCode


def tally() -> Tally:
    counted = Tally(100)
    counted.connected, counted.ever_connected, counted.links, counted.resumed = 90, 95, 99, 3
    counted.answered, counted.frames_sent, counted.given_up = 1234, 5678, 2
    counted.first_dial_in.add(0.25)
    counted.refusal(CloseCode.OVERLOADED)
    counted.failed_dial("nobody listens")
    fates = counted.fates(FaultKind.CUT)
    fates.injected, fates.resumed, fates.open = 7, 6, 1
    return counted


def report() -> Report:
    return Report("flaky", "mixed", 7, "abcd1234", tally().summary(), Costs(10.0, 2.5, 31.25))


def test_the_table_says_everything_that_matters() -> None:
    told = dict(rows(report()))
    assert told["connected"] == "90 of 100 now, 95 ever"
    assert told["reconnects"] == "4, links resumed 3"
    assert told["first dial-in"].startswith("1: p50 250 ms")
    assert told["later dial-in"] == "none"
    assert told["exchanges"].startswith("1234 answered")
    assert told["fault cut"] == "7: 6 resumed, 1 open"
    assert told["refused"] == "1 overloaded; 2 given up"
    assert told["failed dials"] == "1 nobody listens"
    assert told["cost"] == "10.0 s, 2.5 s of processor time, 31.2 KiB for each connector"


def test_standard_output_has_the_summary_alone(capsys: pytest.CaptureFixture[str]) -> None:
    show_json(report())
    printed = capsys.readouterr()
    assert printed.err == ""
    assert msgspec.json.decode(printed.out, type=Report) == report()
    assert printed.out.count("\n") == 1
    show_table(report())
    printed = capsys.readouterr()
    assert printed.err == ""
    assert "90 of 100 now" in printed.out


async def test_elsewhere_than_on_a_terminal_progress_is_a_line_when_something_changed(
    capsys: pytest.CaptureFixture[str], autojump_clock: MockClock
) -> None:
    counted = tally()
    with trio.move_on_after(21):
        await show_progress(counted.progress)
    [line] = capsys.readouterr().err.splitlines()
    assert line == (
        "fleet: 90 of 100 online, 4 reconnects, 7 faults, 1234 exchanges, 5678 frames, 2 given up"
    )


async def test_on_a_terminal_there_is_a_bar(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    autojump_clock: MockClock,
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with trio.move_on_after(1):
        await show_progress(tally().progress)
    printed = capsys.readouterr()
    assert "90/100" in printed.err
    assert printed.out == ""
