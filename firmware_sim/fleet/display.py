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
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from firmware_sim.fleet.percentiles import Times
from firmware_sim.fleet.tally import Summary, Tally

#: Seconds between two updates, on a terminal and elsewhere.
_SMOOTH, _SELDOM = 0.25, 5.0


class Costs(msgspec.Struct, frozen=True):
    """What the run itself took.

    Attributes:
        seconds: how long it ran.
        cpu_seconds: processor time of this process.
        memory_kib_each: memory that a connected connector has added to this process.
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


async def show_progress(tally: Tally) -> None:
    """Tell how many are online, until cancelled."""
    if not sys.stderr.isatty():
        await _tell_now_and_then(tally)
        return
    with _bar(tally) as update:
        while True:
            update()
            await trio.sleep(_SMOOTH)


async def _tell_now_and_then(tally: Tally) -> None:
    told = ""
    while True:
        await trio.sleep(_SELDOM)
        line = status_line(tally)
        if line != told:
            sys.stderr.write(f"fleet: {line}\n")
            told = line


@contextmanager
def _bar(tally: Tally) -> Iterator[Callable[[], None]]:
    columns = (
        TextColumn("online"),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
    )
    # Its own thread would draw it also while the fleet needs the processor.
    with Progress(*columns, console=Console(stderr=True), auto_refresh=False) as progress:
        task = progress.add_task("", total=tally.connectors)

        def update() -> None:
            progress.update(
                task, completed=tally.connected, description=_short(tally), refresh=True
            )

        yield update


def status_line(tally: Tally) -> str:
    """Return how a fleet is, in one line."""
    return f"{tally.connected} of {tally.connectors} online, {_details(tally)}"


def _short(tally: Tally) -> str:
    faults = sum(fates.injected for fates in tally.faults.values())
    return f"{tally.links - tally.ever_connected} reconnects, {faults} faults"


def _details(tally: Tally) -> str:
    return (
        f"{_short(tally)}, {tally.answered} exchanges, {tally.frames_sent} frames, "
        f"{tally.given_up} given up"
    )


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
