"""``firmware-sim fleet``: be thousands of connectors until stopped, then say what happened."""

from __future__ import annotations

import argparse
import shlex
import signal
import ssl
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import trio

from firmware_sim.assembly import SettingsError
from firmware_sim.firmware.dialling import Endpoint
from firmware_sim.fleet.display import Costs, Report, show_json, show_progress, show_table
from firmware_sim.fleet.fleet import Fleet, FleetOptions
from firmware_sim.fleet.footprint import Footprint, allow_sockets, footprint
from firmware_sim.fleet.profiles import PROFILES
from firmware_sim.fleet.scenario import load_scenario
from firmware_sim.fleet.schedule import Schedule
from firmware_sim.fleet.tally import Summary
from firmware_sim.roster import RosterEntry, read_roster

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - no public name

#: Exit statuses: all were online and nothing was done twice; not so, or it could not run.
OK, FAILED = 0, 1


def add_to(commands: Commands) -> None:
    """Add the command."""
    fleet = commands.add_parser("fleet", help="dial in with thousands of connectors without CAN")
    add = fleet.add_argument
    add(
        "--roster",
        type=Path,
        required=True,
        metavar="FILE",
        help="who they are: gateway connector add --tenant ID --count N --roster FILE",
    )
    add("--count", type=_positive, metavar="N", help="so many of them (default: all)")
    add("--gateway", type=_url, metavar="URL", help="another link port than the roster's")
    add("--ca", type=Path, metavar="FILE", help="PEM file of who signed the gateway's certificate")
    add("--profile", choices=list(PROFILES), default="idle", help="how much they do")
    add(
        "--scenario",
        metavar="NAME|FILE",
        help="what befalls them, by name or as YAML: see firmware_sim/fleet/scenario.py",
    )
    add("--seed", type=int, default=0, help="makes everything that is random (default: 0)")
    add("--rate", type=_rate, metavar="PER_SECOND", help="first dials (default: as answered)")
    add("--dialling", type=_positive, default=64, metavar="N", help="first dials at once")
    add("--frames", type=_amount, metavar="PER_SECOND", help="on a bus that is watched")
    add("--seconds", type=_rate, metavar="S", help="end after so long (default: Ctrl+C)")
    add("--json", action="store_true", help="the summary as one JSON object")
    fleet.set_defaults(start=run_command)


def run_command(parsed: argparse.Namespace) -> int:
    """Run the fleet and print its summary; returns the exit status."""
    try:
        entries = _entries(parsed)
        options = _options(parsed)
    except SettingsError as error:
        sys.stderr.write(f"firmware-sim: {error}\n")
        return FAILED
    report = _run(parsed, entries, options)
    (show_json if parsed.json else show_table)(report)
    fleet = report.fleet
    fine = fleet.ever_connected == fleet.connectors and not fleet.exchanges_twice
    return OK if fine else FAILED


def _run(
    parsed: argparse.Namespace, entries: Sequence[RosterEntry], options: FleetOptions
) -> Report:
    schedule = options.schedule
    fingerprint = "" if schedule is None else schedule.fingerprint()
    if schedule is not None:
        sys.stderr.write(f"fleet: schedule {fingerprint}, again by: {_again(parsed)}\n")
    before = footprint()
    fleet, seconds, after = trio.run(_until_stopped, Fleet(entries, options), parsed.seconds)
    return Report(
        profile=parsed.profile,
        scenario="" if schedule is None else schedule.scenario.name,
        seed=parsed.seed,
        schedule=fingerprint,
        fleet=fleet,
        costs=_costs(seconds, before, after, fleet.ever_connected),
    )


def _costs(seconds: float, before: Footprint, after: Footprint, connected: int) -> Costs:
    grown = after.resident_kib - before.resident_kib
    return Costs(
        seconds=round(seconds, 3),
        cpu_seconds=round(after.cpu_seconds - before.cpu_seconds, 3),
        memory_kib_each=round(grown / max(connected, 1), 1),
    )


async def _until_stopped(fleet: Fleet, seconds: float | None) -> tuple[Summary, float, Footprint]:
    """Run until the time is up, a signal comes, or nobody is left.

    Returns:
        The numbers as they were before everybody went offline; how long that took, seconds; what
        this process used.
    """
    began, stop = trio.current_time(), trio.Event()
    async with trio.open_nursery() as nursery:
        await nursery.start(_stop_at_signal, stop)
        nursery.start_soon(_stop_with, fleet, stop)
        nursery.start_soon(show_progress, fleet.tally)
        with trio.move_on_after(float("inf") if seconds is None else seconds):
            await stop.wait()
        ended = fleet.tally.summary(), trio.current_time() - began, footprint()
        nursery.cancel_scope.cancel()
    return ended


async def _stop_with(fleet: Fleet, stop: trio.Event) -> None:
    await fleet.run()
    stop.set()


async def _stop_at_signal(
    stop: trio.Event, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        task_status.started()
        async for _ in signals:
            stop.set()
            return


def _entries(parsed: argparse.Namespace) -> tuple[RosterEntry, ...]:
    entries = read_roster(parsed.roster)
    count = len(entries) if parsed.count is None else parsed.count
    if count > len(entries):
        raise SettingsError(f"{parsed.roster} names {len(entries)} connectors, not {count}")
    fits = allow_sockets(count)
    if fits < count:
        raise SettingsError(
            f"this system allows {fits} connections: raise the limit of open files (ulimit -Hn)"
        )
    chosen = entries[:count]
    for entry in chosen:
        if entry.certificate is not None:
            raise SettingsError("a fleet dials in by keys, and shares one TLS context: --ca")
        _ = entry.identity  # a broken key is told now, and not by its connector's task
    if parsed.gateway is None:
        return chosen
    return tuple(msgspec.structs.replace(entry, gateway=parsed.gateway) for entry in chosen)


def _options(parsed: argparse.Namespace) -> FleetOptions:
    profile = PROFILES[parsed.profile]
    if parsed.frames is not None:
        profile = replace(profile, frames_per_second=parsed.frames)
    name = parsed.scenario or profile.scenario
    return FleetOptions(
        profile=profile,
        schedule=None if name is None else Schedule(load_scenario(name), parsed.seed),
        seed=parsed.seed,
        rate=parsed.rate,
        in_flight=parsed.dialling,
        tls=None if parsed.ca is None else _trust(parsed.ca),
    )


def _trust(file: Path) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=str(file))
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(f"{file} is no PEM file of an authority: {error}") from None


def _again(parsed: argparse.Namespace) -> str:
    """Return the line that runs the same schedule once more."""
    words = ["firmware-sim", "fleet", "--roster", str(parsed.roster), "--profile", parsed.profile]
    named = ("count", "gateway", "ca", "scenario", "seed", "rate", "frames", "seconds")
    for name in named:
        value = getattr(parsed, name)
        if value is not None:
            words += [f"--{name}", str(value)]
    return shlex.join(words)


def _url(text: str) -> str:
    try:
        Endpoint.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("a number from 1 on")
    return number


def _amount(text: str) -> float:
    number = float(text)
    if not 0 <= number < 1e6:
        raise argparse.ArgumentTypeError("a number from 0 to a million")
    return number


def _rate(text: str) -> float:
    number = _amount(text)
    if number == 0:
        raise argparse.ArgumentTypeError("more than 0")
    return number
