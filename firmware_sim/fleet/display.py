"""What a person sees: how far dialling has come, and at the end a table.

On a terminal a progress bar, elsewhere a line now and then, both on standard error; standard
output has the summary alone.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec
import trio
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from rich.table import Table

from firmware_sim.fleet.percentiles import Times
from firmware_sim.fleet.tally import Progress, Summary

#: Seconds between two updates, on a terminal and elsewhere.
_SMOOTH, _SELDOM = 0.25, 5.0


class Costs(msgspec.Struct, frozen=True):
    """What the run itself took.

    Attributes:
        seconds: how long it ran.
        cpu_seconds: processor time of the fleet's processes.
        memory_kib_each: memory that a connected connector has added to its process.
    """

    seconds: float
    cpu_seconds: float
    memory_kib_each: float


class Report(msgspec.Struct, frozen=True):
    """The object that ``--json`` prints.

    Attributes:
        profile: how much the connectors did.
        scenario: what befell them; empty is nothing.
        seed: of the schedule.
        schedule: its fingerprint.
        fleet: what happened.
        costs: what it took.
    """

    profile: str
    scenario: str
    seed: int
    schedule: str
    fleet: Summary
    costs: Costs


async def show_progress(progress: Callable[[], Progress]) -> None:
    """Tell how many are online, until cancelled."""
    if not sys.stderr.isatty():
        await _tell_now_and_then(progress)
        return
    with _bar(progress) as update:
        while True:
            update()
            await trio.sleep(_SMOOTH)


async def _tell_now_and_then(progress: Callable[[], Progress]) -> None:
    told = ""
    while True:
        await trio.sleep(_SELDOM)
        line = status_line(progress())
        if line != told:
            sys.stderr.write(f"fleet: {line}\n")
            told = line


@contextmanager
def _bar(progress: Callable[[], Progress]) -> Iterator[Callable[[], None]]:
    columns = (
        TextColumn("online"),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
    )
    # Its own thread would draw it also while the fleet needs the processor.
    with Bar(*columns, console=Console(stderr=True), auto_refresh=False) as bar:
        task = bar.add_task("", total=progress().connectors)

        def update() -> None:
            now = progress()
            bar.update(
                task,
                total=now.connectors,
                completed=now.connected,
                description=_short(now),
                refresh=True,
            )

        yield update


def status_line(now: Progress) -> str:
    """Return how a fleet is, in one line."""
    return (
        f"{now.connected} of {now.connectors} online, {_short(now)}, "
        f"{now.exchanges_answered} exchanges, {now.frames_sent} frames, {now.given_up} given up"
    )


def _short(now: Progress) -> str:
    return f"{now.reconnects} reconnects, {now.faults} faults"


def show_json(report: Report) -> None:
    """Print the report as one line of JSON."""
    sys.stdout.write(msgspec.json.encode(report).decode() + "\n")


def show_table(report: Report) -> None:
    """Print the report for people."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold")
    table.add_column()
    for name, value in rows(report):
        table.add_row(name, value)
    Console().print(table)


def rows(report: Report) -> Iterator[tuple[str, str]]:
    """Return the lines of the table."""
    fleet, costs = report.fleet, report.costs
    yield "connected", f"{fleet.connected} of {fleet.connectors} now, {fleet.ever_connected} ever"
    yield "reconnects", f"{fleet.reconnects}, links resumed {fleet.resumed}"
    yield "first dial-in", _times(fleet.first_dial_in)
    yield "later dial-in", _times(fleet.later_dial_in)
    yield "exchanges", _exchanges(fleet)
    yield "frames", f"{fleet.frames_sent} sent, {fleet.frames_lost} lost"
    yield "status reports", str(fleet.status_reports)
    yield "bytes", f"{fleet.bytes_sent} sent, {fleet.bytes_received} received"
    for kind, fates in fleet.faults.items():
        ends = msgspec.structs.asdict(fates)
        injected = ends.pop("injected")
        yield f"fault {kind}", f"{injected}: " + _counts(ends)
    yield "refused", _counts(fleet.refusals) + f"; {fleet.given_up} given up"
    yield "links ended", _counts(fleet.endings)
    yield "failed dials", _counts(fleet.failed_dials)
    processor = f"{costs.cpu_seconds:.1f} s of processor time"
    memory = f"{costs.memory_kib_each:.1f} KiB for each connector"
    yield "cost", f"{costs.seconds:.1f} s, {processor}, {memory}"


def _exchanges(fleet: Summary) -> str:
    return (
        f"{fleet.exchanges_answered} answered, {fleet.exchanges_refused} of them without a lease, "
        f"{fleet.exchanges_unsent} unsent, {fleet.exchanges_twice} twice"
    )


def _times(times: Times) -> str:
    if not times.count:
        return "none"
    return (
        f"{times.count}: p50 {times.p50:.0f} ms, p90 {times.p90:.0f} ms, "
        f"p99 {times.p99:.0f} ms, longest {times.max:.0f} ms"
    )


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "none"
