"""``python -m benchmarks``: run suites, print their tables, keep their numbers."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import trio

from benchmarks.harness import Options, Report, show
from benchmarks.suites import GROUPS, QUESTIONS, Suite, chosen

#: Exit status of a run that a signal ended.
INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Command:
    """What the command line asks for."""

    questions: list[str]
    options: Options
    json: Path | None


def parse(arguments: Sequence[str] | None = None) -> Command:
    """Return what a command line asks for; wrong ones end the program with usage."""
    names = ", ".join((*QUESTIONS, *GROUPS))
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=names)
    parser.add_argument("--seconds", type=float, default=5.0, help="for each row, about")
    parser.add_argument("--full", action="store_true", help="the sizes that the targets name")
    parser.add_argument("--connections", type=int, help="hostile ones, of link-fuzz")
    parser.add_argument("--json", type=Path, help="file to write the numbers to")
    given = parser.parse_args(arguments)
    if given.seconds <= 0:
        parser.error("--seconds: more than 0")
    if given.connections is not None and given.connections < 1:
        parser.error("--connections: at least 1")
    try:
        questions = chosen(given.suites)
    except KeyError as error:
        parser.error(f"no suite {error.args[0]!r}; there are {names}")
    return Command(questions, Options(given.seconds, given.full, given.connections), given.json)


def main() -> int:
    """Run the suites named on the command line, or all of them."""
    command = parse()
    reports = []
    for name in command.questions:
        report = trio.run(ask, QUESTIONS[name], command.options)
        if report is None:
            return INTERRUPTED
        show(report)
        reports.append(report.to_json())
    if command.json is not None:
        command.json.write_text(json.dumps(reports, indent=2) + "\n")
    return 0


async def ask(question: Suite, options: Options) -> Report | None:
    """Return what a question finds; ``None`` where a signal ended it, everything stopped."""
    report: Report | None = None
    async with trio.open_nursery() as nursery:
        await nursery.start(_end_at_signal, nursery.cancel_scope)
        report = await question(options)
        nursery.cancel_scope.cancel()
    return report


async def _end_at_signal(
    scope: trio.CancelScope, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as signals:
        task_status.started()
        async for _ in signals:
            scope.cancel()


if __name__ == "__main__":
    sys.exit(main())
