"""A parsed command line with its settings, and what commands share."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import trio
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gateway.config import Settings
from gateway.domain.clock import utc_now
from gateway.identity.identity import Identity, open_identity
from gateway.storage.database import Database, open_database
from gateway.storage.migrations.schema import upgrade


@dataclass(frozen=True, slots=True)
class Invocation:
    """One command as it was called.

    Attributes:
        arguments: of the command line.
        settings: of file and environment.
    """

    arguments: argparse.Namespace
    settings: Settings


#: A command: does its work and returns the exit status.
Command = Callable[[Invocation], int]


def with_identity(
    settings: Settings, work: Callable[[Identity, Database], Awaitable[None]]
) -> int:
    """Run ``work`` on the database at its newest revision; 0 when it returns."""

    async def run() -> None:
        folder = trio.Path(settings.data.directory)
        await folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        async with open_database(settings.database_url) as database:
            await upgrade(database)
            await work(await open_identity(database, settings, utc_now), database)

    trio.run(run)
    return 0


def say(text: str) -> None:
    """Write a line to standard output."""
    sys.stdout.write(text + "\n")


def show(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Write a table: aligned on a terminal, tab separated elsewhere."""
    if not sys.stdout.isatty():
        for row in rows:
            say("\t".join(str(cell) for cell in row))
        return
    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading)
    for row in rows:
        table.add_row(*(Text(str(cell)) for cell in row))
    Console().print(table)
