"""Samples, percentiles, the table, and what machine and commit they belong to."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from statistics import quantiles

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Row:
    """One measured thing.

    Attributes:
        name: what was measured.
        p50_ms: median, milliseconds; ``None`` where latency was not the question.
        p99_ms: 99th percentile, milliseconds.
        per_second: how many per second.
        note: what the number is to be held against.
    """

    name: str
    p50_ms: float | None = None
    p99_ms: float | None = None
    per_second: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What a suite found."""

    suite: str
    rows: tuple[Row, ...]
    environment: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, object]:
        """Return the report as plain values."""
        return {
            "suite": self.suite,
            "environment": self.environment,
            "rows": [asdict(row) for row in self.rows],
        }


def row_from(name: str, samples: Sequence[float], elapsed: float, note: str = "") -> Row:
    """Return the row of a run.

    Args:
        name: what was measured.
        samples: seconds each took.
        elapsed: seconds they took together.
        note: what to hold it against.
    """
    cuts = quantiles(samples, n=100, method="inclusive")
    return Row(
        name=name,
        p50_ms=round(cuts[49] * 1000, 3),
        p99_ms=round(cuts[98] * 1000, 3),
        per_second=round(len(samples) / elapsed, 1),
        note=note,
    )


def environment() -> dict[str, str]:
    """Return what the numbers belong to."""
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    )
    return {
        "commit": commit.stdout.strip() or "unknown",
        "python": platform.python_version(),
        "cores": str(os.cpu_count()),
        "machine": f"{platform.system()} {platform.machine()}",
        "at": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }


def show(report: Report) -> None:
    """Print the table."""
    table = Table(title=f"suite {report.suite}", title_justify="left")
    for heading, justify in (
        ("", "left"),
        ("p50 ms", "right"),
        ("p99 ms", "right"),
        ("per second", "right"),
        ("", "left"),
    ):
        table.add_column(heading, justify="right" if justify == "right" else "left")
    for row in report.rows:
        table.add_row(
            row.name, _number(row.p50_ms), _number(row.p99_ms), _number(row.per_second), row.note
        )
    console = Console()
    console.print(table)
    console.print(", ".join(f"{k} {v}" for k, v in report.environment.items()), style="dim")


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:,.3f}" if value < 100 else f"{value:,.0f}"
