"""Tells the story while it happens: in colour on a terminal, as plain lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Protocol, TextIO

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text


class Presenter(Protocol):
    """What the demo says while it runs."""

    def chapter(self, title: str) -> None:
        """Begin a part of the story."""
        ...

    def line(self, subject: str, text: str) -> None:
        """Tell one thing; ``subject`` is who does it."""
        ...

    def table(self, headings: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
        """Show rows of text."""
        ...


class TerminalPresenter:
    """For people at a terminal."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._console = Console(file=stream or sys.stdout, highlight=False)

    def chapter(self, title: str) -> None:
        self._console.print()
        self._console.rule(Text(title, style="bold"), align="left", style="cyan")

    def line(self, subject: str, text: str) -> None:
        self._console.print(Text(f"{subject:>10}  ", style="cyan") + Text(text))

    def table(self, headings: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
        table = Table(box=None, pad_edge=False, header_style="dim")
        for heading in headings:
            table.add_column(heading)
        for row in rows:
            table.add_row(*(Text(cell) for cell in row))
        self._console.print(table)


class PlainPresenter:
    """For logs and pipes: one line each, nothing that needs a terminal."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout

    def chapter(self, title: str) -> None:
        self._write(f"== {title}")

    def line(self, subject: str, text: str) -> None:
        self._write(f"{subject}: {text}")

    def table(self, headings: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
        self._write(" | ".join(headings))
        for row in rows:
            self._write(" | ".join(row))

    def _write(self, text: str) -> None:
        print(text, file=self._stream, flush=True)


def presenter_for(stream: TextIO) -> Presenter:
    """Return the presenter that fits where the text goes."""
    return TerminalPresenter(stream) if stream.isatty() else PlainPresenter(stream)


def write_json_line(document: object, stream: TextIO) -> None:
    """Write one JSON object on a line of its own, at once."""
    stream.write(msgspec.json.encode(document).decode() + "\n")
    stream.flush()
