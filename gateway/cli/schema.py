"""``gateway db``: the database's schema."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import trio

from gateway.cli.invocation import Invocation, say
from gateway.storage.database import open_database
from gateway.storage.migrations.schema import SchemaState, check, upgrade

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - no public name


def add_to(commands: Commands) -> None:
    """Add ``db upgrade`` and ``db check``."""
    database = commands.add_parser("db", help="the database's schema")
    actions = database.add_subparsers(required=True, metavar="ACTION")
    actions.add_parser("upgrade", help="bring it to the newest revision").set_defaults(
        command=run_upgrade
    )
    actions.add_parser("check", help="compare it with this program").set_defaults(
        command=run_check
    )


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
