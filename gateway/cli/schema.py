"""``gateway db``: the database's schema, and the way to another database."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import trio
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

import gateway.backoffice.schema  # noqa: F401 - declares the tables that are not storage's own
from gateway.cli.invocation import Invocation, say
from gateway.storage.copying import Copied, copy_between
from gateway.storage.database import open_database
from gateway.storage.migrations.schema import SchemaState, check, upgrade

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - no public name


def add_to(commands: Commands) -> None:
    """Add ``db upgrade``, ``db check`` and ``db copy``."""
    database = commands.add_parser("db", help="the database's schema")
    actions = database.add_subparsers(required=True, metavar="ACTION")
    actions.add_parser("upgrade", help="bring it to the newest revision").set_defaults(
        command=run_upgrade
    )
    actions.add_parser("check", help="compare it with this program").set_defaults(
        command=run_check
    )
    copy = actions.add_parser("copy", help="copy everything into an empty database")
    copy.add_argument(
        "--to",
        required=True,
        metavar="URL",
        help="postgresql+psycopg://USER@HOST/NAME (a password is best left to ~/.pgpass), or "
        "sqlite:///FILE for a back-up",
    )
    copy.set_defaults(command=run_copy)


def run_upgrade(invocation: Invocation) -> int:
    """Bring the database to the newest revision."""
    settings = invocation.settings

    async def run() -> str | None:
        await trio.Path(settings.data.directory).mkdir(mode=0o700, parents=True, exist_ok=True)
        async with open_database(settings.database_url) as database:
            return await upgrade(database)

    say(f"the database is at revision {trio.run(run)}")
    return 0


def run_check(invocation: Invocation) -> int:
    """Tell how the database compares with this program; 0 when it fits."""

    async def run() -> SchemaState:
        await trio.Path(invocation.settings.data.directory).mkdir(
            mode=0o700, parents=True, exist_ok=True
        )
        async with open_database(invocation.settings.database_url) as database:
            return await check(database)

    state = trio.run(run)
    say(f"database: {state.current or 'never upgraded'}; program: {state.newest}")
    for difference in state.differences:
        say(difference)
    return 0 if state.is_newest else 1


def run_copy(invocation: Invocation) -> int:
    """Copy the configured database into another; 0 when everything has arrived."""
    columns = (TextColumn("rows"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("rows", total=None)

        def tell(copied: Copied) -> None:
            bar.update(task, completed=copied.rows, total=copied.total)

        rows = copy_between(invocation.settings.database_url, invocation.arguments.to, tell)
    say(f"{rows} rows copied; to move there, set database.url to it and start the gateway again")
    return 0
