from __future__ import annotations

import base64
import os
import signal
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import msgspec
import pytest
import trio

from firmware_sim import cli
from firmware_sim.assembly import SettingsError
from firmware_sim.fleet import command, running
from firmware_sim.fleet.crew import Crew
from firmware_sim.fleet.display import Report
from firmware_sim.roster import RosterEntry

#: Nobody listens on port 1 of this machine.
NOWHERE = "ws://127.0.0.1:1/link/v1"

pytestmark = [pytest.mark.slow, pytest.mark.process]


@pytest.fixture
def roster(tmp_path: Path) -> Path:
    file = tmp_path / "fleet.json"
    key = base64.b64encode(bytes(range(32))).decode()
    entries = [RosterEntry(NOWHERE, UUID(int=number), key) for number in range(5)]
    file.write_bytes(msgspec.json.encode(entries))
    return file


def test_several_processes_give_one_summary(
    roster: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    words = ["fleet", "--roster", str(roster), "--processes", "2", "--seconds", "0.5", "--json"]
    assert cli.main(words) == command.FAILED
    report = msgspec.json.decode(capfd.readouterr().out, type=Report)
    assert (report.fleet.connectors, report.fleet.ever_connected) == (5, 0)
    assert report.fleet.dials >= 5
    assert report.costs.seconds >= 0.5
    assert report.costs.cpu_seconds > 0


async def test_they_end_when_told_to_and_say_how_they_are_meanwhile(roster: Path) -> None:
    group = Crew(["fleet", "--roster", str(roster), "--count", "4"], 2, 4)
    assert group.progress().connectors == 4
    stop = trio.Event()
    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_stop_once_two_have_spoken, group, stop)
            report = await group.run(stop)
    assert report is not None
    assert report.summary.connectors == 4
    assert report.summary.dials >= 4


async def _stop_once_two_have_spoken(group: Crew, stop: trio.Event) -> None:
    while [known.connectors for known in group._known] != [2, 2]:  # noqa: ASYNC110 - of processes
        await trio.sleep(0.01)
    stop.set()


async def test_when_one_cannot_run_all_end(tmp_path: Path) -> None:
    group = Crew(["fleet", "--roster", str(tmp_path / "nothing.json")], 2, 4)
    with trio.fail_after(30):
        assert await group.run(trio.Event()) is None


def test_none_outlives_the_one_that_started_it(roster: Path) -> None:
    share = [sys.executable, "-m", "firmware_sim", "fleet", "--roster", str(roster)]
    with subprocess.Popen(
        [*share, "--share", "0/2"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert b"Progress" in process.stdout.readline()
        process.stdin.close()
        assert process.wait(10) == 0
        assert b"ShareReport" in process.stdout.read()


async def test_a_signal_ends_them_all_in_peace(roster: Path) -> None:
    group = Crew(["fleet", "--roster", str(roster), "--count", "4"], 2, 4)
    stop = trio.Event()

    async def kill() -> None:
        await _stop_once_two_have_spoken(group, stop)
        os.kill(os.getpid(), signal.SIGTERM)

    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(kill)
            report = await running.run_crew(group)
    assert report.summary.connectors == 4


async def test_a_fleet_that_cannot_run_is_one_error(tmp_path: Path) -> None:
    group = Crew(["fleet", "--roster", str(tmp_path / "nothing.json")], 2, 4)
    with trio.fail_after(30), pytest.raises(SettingsError, match="ended before its time"):
        await running.run_crew(group)
