"""Runs a fleet to its end: here, as one process of several, or as the one that starts those."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence

import msgspec
import trio

from firmware_sim.assembly import SettingsError
from firmware_sim.fleet.crew import WORD_EVERY, Crew
from firmware_sim.fleet.display import show_progress
from firmware_sim.fleet.fleet import Fleet, FleetOptions
from firmware_sim.fleet.footprint import Footprint, collect_seldom, footprint
from firmware_sim.fleet.sharing import ShareReport, report_of
from firmware_sim.fleet.tally import Progress, Summary, Tally
from firmware_sim.roster import RosterEntry


def run_here(
    entries: Sequence[RosterEntry], options: FleetOptions, seconds: float | None
) -> ShareReport:
    """Run the whole fleet in this process."""
    collect_seldom()
    fleet, before = Fleet(entries, options), footprint()
    return _report(fleet, before, *trio.run(until_stopped, fleet, seconds))


def _report(
    fleet: Fleet, before: Footprint, summary: Summary, seconds: float, after: Footprint
) -> ShareReport:
    return report_of(
        fleet.tally,
        summary,
        seconds=seconds,
        cpu_seconds=after.cpu_seconds - before.cpu_seconds,
        grown_kib=after.resident_kib - before.resident_kib,
    )


def run_share(
    entries: Sequence[RosterEntry], options: FleetOptions, seconds: float | None
) -> None:
    """Be one of several processes: say how it is on standard output, until our input ends."""
    collect_seldom()
    fleet, before = Fleet(entries, options), footprint()
    ended = trio.run(_until_input_ends, fleet, seconds)
    _say(_report(fleet, before, *ended))


async def _until_input_ends(
    fleet: Fleet, seconds: float | None
) -> tuple[Summary, float, Footprint]:
    """Run as :func:`until_stopped`, or until nobody holds our standard input any more."""
    async with trio.open_nursery() as nursery:
        stop = trio.Event()
        nursery.start_soon(_stop_at_end_of_input, stop)
        nursery.start_soon(_say_how_it_is, fleet.tally)
        ended = await _run_until(stop, fleet, seconds)
        nursery.cancel_scope.cancel()
    return ended


async def _say_how_it_is(tally: Tally) -> None:
    while True:
        _say(tally.progress())
        await trio.sleep(WORD_EVERY)


def _say(word: Progress | ShareReport) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(word) + b"\n")
    sys.stdout.flush()


async def _stop_at_end_of_input(stop: trio.Event) -> None:
    # A copy, because the stream closes what it reads.
    async with trio.lowlevel.FdStream(os.dup(sys.stdin.fileno())) as stdin:
        async for _ in stdin:
            pass
    stop.set()


async def run_crew(crew: Crew) -> ShareReport:
    """Run the processes of a large fleet, with one bar for all of them.

    Raises:
        SettingsError: one of them could not run.
    """
    async with trio.open_nursery() as nursery:
        stop = trio.Event()
        await nursery.start(_stop_at_signal, stop)
        nursery.start_soon(show_progress, crew.progress)
        said = await crew.run(stop)
        nursery.cancel_scope.cancel()
    if said is None:
        raise SettingsError("a process of this fleet ended before its time; it has said why")
    return said


async def until_stopped(fleet: Fleet, seconds: float | None) -> tuple[Summary, float, Footprint]:
    """Run until the time is up, a signal comes, or nobody is left.

    Returns:
        The numbers as they were before everybody went offline; how long that took, seconds; what
        this process used.
    """
    async with trio.open_nursery() as nursery:
        stop = trio.Event()
        await nursery.start(_stop_at_signal, stop)
        nursery.start_soon(show_progress, fleet.tally.progress)
        ended = await _run_until(stop, fleet, seconds)
        nursery.cancel_scope.cancel()
    return ended


async def _run_until(
    stop: trio.Event, fleet: Fleet, seconds: float | None
) -> tuple[Summary, float, Footprint]:
    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_stop_with, fleet, stop)
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
