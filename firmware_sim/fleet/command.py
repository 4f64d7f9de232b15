"""``firmware-sim fleet``: be thousands of connectors until stopped, then say what happened."""

from __future__ import annotations

import argparse
import math
import shlex
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
from firmware_sim.fleet.crew import Crew
from firmware_sim.fleet.display import Costs, Report, show_json, show_table
from firmware_sim.fleet.fleet import FleetOptions
from firmware_sim.fleet.footprint import allow_sockets
from firmware_sim.fleet.profiles import PROFILES
from firmware_sim.fleet.running import run_crew, run_here, run_share
from firmware_sim.fleet.scenario import load_scenario
from firmware_sim.fleet.schedule import Schedule
from firmware_sim.fleet.sharing import (
    WORTH_A_PROCESS,
    Share,
    ShareReport,
    processes_for,
)
from firmware_sim.roster import RosterEntry, read_roster

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - no public name

#: Exit statuses: all were online and nothing was done twice; not so, or it could not run.
OK, FAILED = 0, 1

#: Options that make a fleet what it is, besides roster and profile.
_NAMED = (
    *("count", "gateway", "ca", "scenario", "seed", "rate", "dialling", "frames", "seconds"),
    "processes",
)

#: Between the seeds of two processes of a fleet.
_SEEDS_APART = 1_000_003


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
    add(
        "--processes",
        type=_positive,
        metavar="N",
        help=f"default: one for each {WORTH_A_PROCESS} connectors, up to the cores",
    )
    add("--json", action="store_true", help="the summary as one JSON object")
    add("--share", type=_share, help=argparse.SUPPRESS)  # of one of these processes
    fleet.set_defaults(start=run_command)


def run_command(parsed: argparse.Namespace) -> int:
    """Run the fleet and print its summary; returns the exit status."""
    try:
        entries, options = _entries(parsed), _options(parsed)
        if parsed.share is not None:
            run_share(entries, options, parsed.seconds)
            return OK
        report = _run(parsed, entries, options)
    except SettingsError as error:
        sys.stderr.write(f"firmware-sim: {error}\n")
        return FAILED
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
    processes = _processes(parsed, len(entries))
    if processes == 1:
        said = run_here(entries, options, parsed.seconds)
    else:
        said = trio.run(run_crew, Crew(_words(parsed), processes, len(entries)))
    return Report(
        profile=parsed.profile,
        scenario="" if schedule is None else schedule.scenario.name,
        seed=parsed.seed,
        schedule=fingerprint,
        fleet=said.summary,
        costs=_costs(said),
    )


def _processes(parsed: argparse.Namespace, count: int) -> int:
    return processes_for(count) if parsed.processes is None else min(parsed.processes, count)


def _costs(said: ShareReport) -> Costs:
    return Costs(
        seconds=round(said.seconds, 3),
        cpu_seconds=round(said.cpu_seconds, 3),
        memory_kib_each=round(said.grown_kib / max(said.summary.ever_connected, 1), 1),
    )


def _entries(parsed: argparse.Namespace) -> tuple[RosterEntry, ...]:
    entries = read_roster(parsed.roster)
    count = len(entries) if parsed.count is None else parsed.count
    if count > len(entries):
        raise SettingsError(f"{parsed.roster} names {len(entries)} connectors, not {count}")
    here = math.ceil(count / _processes(parsed, count))
    fits = allow_sockets(here)
    if fits < here:
        raise SettingsError(
            f"this system allows {fits} connections a process: use more --processes, or raise "
            "the limit of open files (ulimit -Hn)"
        )
    share: Share = parsed.share or Share()
    chosen = tuple(share.select(entries[:count]))
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
    share: Share = parsed.share or Share()
    return FleetOptions(
        profile=profile,
        share=share,
        schedule=None if name is None else Schedule(load_scenario(name), parsed.seed),
        # Jitter that several processes shared would be none.
        seed=parsed.seed + _SEEDS_APART * share.index,
        rate=None if parsed.rate is None else parsed.rate / share.of,
        in_flight=max(1, parsed.dialling // share.of),
        tls=None if parsed.ca is None else _trust(parsed.ca),
    )


def _trust(file: Path) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=str(file))
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(f"{file} is no PEM file of an authority: {error}") from None


def _again(parsed: argparse.Namespace) -> str:
    """Return the line that runs the same schedule once more."""
    return shlex.join(["firmware-sim", *_words(parsed)])


def _words(parsed: argparse.Namespace) -> list[str]:
    """Return the command line again, without what only the one in front needs."""
    words = ["fleet", "--roster", str(parsed.roster), "--profile", parsed.profile]
    for name in _NAMED:
        value = getattr(parsed, name)
        if value is not None:
            words += [f"--{name}", str(value)]
    return words


def _url(text: str) -> str:
    try:
        Endpoint.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def _share(text: str) -> Share:
    try:
        return Share.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


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
