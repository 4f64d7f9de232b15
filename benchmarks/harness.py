"""Samples, percentiles, the table, and what machine and commit they belong to."""

from __future__ import annotations

import math
import os
import platform
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from statistics import median

from rich.console import Console
from rich.table import Table

#: Columns of a table that goes to a file.
WIDE = 220

#: What was counted or timed, by heading: ``{"p50 ms": 0.4, "per second": 2000.0}``.
Figures = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Options:
    """How much is to be measured.

    Attributes:
        seconds: for each row, about.
        full: the sizes the targets name, in place of those that fit into a coffee break.
        connections: hostile ones, where they are counted; as ``full`` says if left out.
    """

    seconds: float = 5.0
    full: bool = False
    connections: int | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One measured thing.

    Attributes:
        name: what was measured.
        figures: the numbers, by heading with its unit; rows of one table may have different ones.
        note: what the numbers are to be held against.
    """

    name: str
    figures: Figures
    note: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What a suite found."""

    suite: str
    rows: tuple[Row, ...]
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def headings(self) -> tuple[str, ...]:
        """Every heading of the table, in the order in which they first come."""
        return tuple(dict.fromkeys(heading for row in self.rows for heading in row.figures))

    def to_json(self) -> dict[str, object]:
        """Return the report as plain values."""
        rows = [{"name": row.name, **row.figures, "note": row.note} for row in self.rows]
        return {"suite": self.suite, "environment": self.environment, "rows": rows}


def percentile(samples: Sequence[float], share: float) -> float:
    """Return the value that ``share`` of the samples do not exceed (nearest rank).

    Raises:
        ValueError: there are no samples.
    """
    if not samples:
        raise ValueError("no samples: nothing was measured")
    return sorted(samples)[max(math.ceil(share * len(samples)) - 1, 0)]


def latencies(samples: Sequence[float]) -> dict[str, float]:
    """Return the median and the 99th percentile of times in seconds, as milliseconds."""
    return {
        "p50 ms": round(percentile(samples, 0.5) * 1000, 3),
        "p99 ms": round(percentile(samples, 0.99) * 1000, 3),
    }


def medians(rounds: Iterable[Figures]) -> dict[str, float]:
    """Return each figure's median over several rounds: one disturbed round does not count."""
    gathered: dict[str, list[float]] = {}
    for figures in rounds:
        for heading, value in figures.items():
            gathered.setdefault(heading, []).append(value)
    return {heading: median(values) for heading, values in gathered.items()}


def row_from(name: str, samples: Sequence[float], elapsed: float, note: str = "") -> Row:
    """Return the row of a run.

    Args:
        name: what was measured.
        samples: seconds each took.
        elapsed: seconds they took together.
        note: what to hold it against.
    """
    rate = {"per second": round(len(samples) / elapsed, 1)}
    return Row(name, latencies(samples) | rate, note)


def environment() -> dict[str, str]:
    """Return what the numbers belong to."""
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    )
    return {
        "commit": commit.stdout.strip() or "unknown",
        "python": platform.python_version(),
        "cores": str(os.cpu_count()),
        "load": f"{os.getloadavg()[0]:.1f}",
        "machine": f"{platform.system()} {platform.machine()}",
        "at": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }


def show(report: Report, console: Console | None = None) -> None:
    """Print the table."""
    # A file or a pipe has no edge: rows stay whole there.
    console = console or (Console() if sys.stdout.isatty() else Console(width=WIDE))
    table = Table(title=f"suite {report.suite}", title_justify="left")
    table.add_column("", min_width=24)
    for heading in report.headings:
        table.add_column(heading, justify="right")
    table.add_column("")
    for row in report.rows:
        cells = (number(row.figures.get(heading)) for heading in report.headings)
        table.add_row(row.name, *cells, row.note)
    console.print(table)
    console.print(", ".join(f"{k} {v}" for k, v in report.environment.items()), style="dim")


def number(value: float | None) -> str:
    """Return a number with as many places as it is good for; nothing for ``None``."""
    if value is None:
        return ""
    size = abs(value)
    places = (
        0 if size >= 100 or value == int(value) else 1 if size >= 10 else 2 if size >= 1 else 3
    )
    return f"{value:,.{places}f}"
