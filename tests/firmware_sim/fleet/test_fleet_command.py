from __future__ import annotations

import base64
import os
import signal
from pathlib import Path
from uuid import UUID

import msgspec
import pytest
import trio
import trustme
from trio.testing import MockClock

from firmware_sim import cli
from firmware_sim.fleet import command, running
from firmware_sim.fleet.display import Report
from firmware_sim.fleet.fleet import Fleet, FleetOptions
from firmware_sim.fleet.profiles import PROFILES
from firmware_sim.roster import RosterEntry
from gateway.links.port import PATH
from tests.firmware_sim.fleet.fleet_world import QUICK, enlist
from tests.support.link_world import LinkWorld, open_world

#: Nobody listens on port 1 of this machine.
NOWHERE = f"ws://127.0.0.1:1{PATH}"


@pytest.fixture
def roster(tmp_path: Path) -> Path:
    file = tmp_path / "fleet.json"
    key = base64.b64encode(bytes(range(32))).decode()
    entries = [RosterEntry(NOWHERE, UUID(int=number), key) for number in range(3)]
    file.write_bytes(msgspec.json.encode(entries))
    return file


@pytest.mark.slow
def test_a_fleet_that_reaches_nobody_says_so_and_fails(
    roster: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["fleet", "--roster", str(roster), "--count", "2", "--json", "--seconds", "0.7"]
    assert cli.main([*words, "--scenario", "cut", "--seed", "7"]) == command.FAILED
    printed = capsys.readouterr()
    report = msgspec.json.decode(printed.out, type=Report)
    assert (report.scenario, report.seed, len(report.schedule)) == ("cut", 7, 8)
    assert (report.fleet.connectors, report.fleet.ever_connected) == (2, 0)
    assert 0.7 <= report.costs.seconds < 30
    assert f"schedule {report.schedule}, again by: firmware-sim fleet" in printed.err
    again = printed.err.split("again by: firmware-sim ")[1].split()
    parsed = cli._parser().parse_args(again)
    assert (parsed.roster, parsed.count, parsed.seed) == (roster, 2, 7)
    assert (parsed.scenario, parsed.seconds) == ("cut", 0.7)


@pytest.mark.slow
def test_the_roster_need_not_say_where(roster: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["fleet", "--roster", str(roster), "--gateway", "ws://127.0.0.1:2/", "--json"]
    assert cli.main([*words, "--seconds", "1.5"]) == command.FAILED
    report = msgspec.json.decode(capsys.readouterr().out, type=Report)
    assert any("127.0.0.1:2" in reason for reason in report.fleet.failed_dials)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--count", "4"], "names 3 connectors, not 4"),
        (["--scenario", "storm"], "no scenario 'storm'"),
        (["--ca", "/nowhere.pem"], "no PEM file of an authority"),
    ],
)
def test_what_cannot_run_is_one_line(
    roster: Path, words: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["fleet", "--roster", str(roster), *words]) == command.FAILED
    printed = capsys.readouterr()
    assert complaint in printed.err
    assert printed.err.count("\n") == 1
    assert printed.out == ""


def test_a_key_that_is_none_is_told_without_repeating_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "fleet.json"
    file.write_bytes(msgspec.json.encode([RosterEntry(NOWHERE, UUID(int=1), "c2VjcmV0")]))
    assert cli.main(["fleet", "--roster", str(file)]) == command.FAILED
    error = capsys.readouterr().err
    assert "6 bytes instead of 32" in error
    assert "c2VjcmV0" not in error


def test_more_than_the_system_allows_is_told(
    roster: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "allow_sockets", lambda _count: 2)
    assert cli.main(["fleet", "--roster", str(roster)]) == command.FAILED
    assert "allows 2 connections" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["--count", "0"],
        ["--rate", "0"],
        ["--frames", "-1"],
        ["--seconds", "x"],
        ["--profile", "lazy"],
        ["--gateway", "http://x/"],
    ],
)
def test_wrong_usage_is_status_2(roster: Path, words: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(["fleet", "--roster", str(roster), *words])
    assert caught.value.code == 2


def test_options_say_how_the_fleet_behaves(roster: Path, tmp_path: Path) -> None:
    authority = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(authority)
    words = ["--profile", "flaky", "--frames", "9", "--rate", "50", "--dialling", "8"]
    parsed = cli._parser().parse_args(
        ["fleet", "--roster", str(roster), *words, "--ca", str(authority)]
    )
    options = command._options(parsed)
    assert options.profile.frames_per_second == 9
    assert options.profile.status_every == PROFILES["flaky"].status_every
    assert options.schedule is not None
    assert options.schedule.scenario.name == "mixed"
    assert (options.rate, options.in_flight) == (50, 8)
    assert options.tls is not None
    assert len(options.tls.get_ca_certs()) == 1


def in_memory(world: LinkWorld, count: int) -> Fleet:
    async def dial(_host: str, _port: int) -> trio.abc.Stream:
        await trio.lowlevel.checkpoint()
        return world.dial()

    return Fleet(enlist(world, count), FleetOptions(PROFILES["idle"], backoff=QUICK), dial)


async def test_the_numbers_are_those_before_everybody_leaves(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        summary, seconds, used = await running.until_stopped(in_memory(world, 3), 30.0)
    assert (summary.connected, summary.ever_connected) == (3, 3)
    assert summary.endings == {}
    assert seconds == pytest.approx(30.0, abs=0.1)
    assert used.resident_kib > 0


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_it_in_peace(number: signal.Signals) -> None:
    async def send() -> None:
        await trio.sleep(0.2)
        os.kill(os.getpid(), number)

    async with open_world() as world:
        world.nursery.start_soon(send)
        with trio.fail_after(10):
            summary, _, _ = await running.until_stopped(in_memory(world, 2), None)
    assert summary.connected == 2


async def test_it_ends_when_nobody_is_wanted(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        fleet = in_memory(world, 2)
        world.known.clear()
        summary, seconds, _ = await running.until_stopped(fleet, 1000.0)
    assert summary.given_up == 2
    assert seconds < 60
