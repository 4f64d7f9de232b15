"""``gateway catalogue``: vehicles, products, prices and exchange rates from CSV files."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from gateway.cli.invocation import Invocation, say, with_identity
from gateway.domain.catalogue import Part
from gateway.identity.identity import Identity
from gateway.storage.database import Database
from gateway.tickets.catalogue.importer import (
    SHEETS,
    import_catalogue,
    import_part,
    read_catalogue,
)
from gateway.tickets.catalogue.price_list import import_prices
from gateway.tickets.catalogue.rates import import_rates

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - no public name


def add_to(commands: Commands) -> None:
    """Add the catalogue's commands."""
    group = commands.add_parser("catalogue", help="vehicles, products, prices")
    actions = group.add_subparsers(required=True, metavar="ACTION")
    bring = actions.add_parser("import", help="read every sheet of a folder, all or nothing")
    bring.add_argument("folder", type=Path)
    bring.add_argument(
        "--only", choices=[part.value for part in Part], help="read the sheets of this part alone"
    )
    bring.set_defaults(command=bring_catalogue)
    check = actions.add_parser("check", help="read every sheet of a folder, and change nothing")
    check.add_argument("folder", type=Path)
    check.set_defaults(command=check_catalogue)
    prices = actions.add_parser("prices", help="add a price list, a CSV file like prices.csv")
    prices.add_argument("file", type=Path)
    prices.set_defaults(command=bring_prices)
    rates = actions.add_parser(
        "rates", help="add exchange rates: columns base, currency, valid_from, rate"
    )
    rates.add_argument("file", type=Path)
    rates.set_defaults(command=bring_rates)


def bring_catalogue(invocation: Invocation) -> int:
    """Bring a catalogue in and say how much there is of what."""
    folder: Path = invocation.arguments.folder

    only: str | None = invocation.arguments.only

    async def work(_identity: Identity, database: Database) -> None:
        if only is not None:
            for name, count in (await import_part(database, folder, Part(only))).items():
                say(f"{name + '.csv':22}{count}")
            return
        imported = await import_catalogue(database, folder)
        for name, count in dataclasses.asdict(imported).items():
            say(f"{name.replace('_', ' '):16}{count}")

    return with_identity(invocation.settings, work)


def check_catalogue(invocation: Invocation) -> int:
    """Say how many rows each sheet of a folder has, if all of them are right."""
    catalogue = read_catalogue(invocation.arguments.folder)
    for name in SHEETS:
        say(f"{name + '.csv':22}{len(getattr(catalogue, name))}")
    return 0


def bring_prices(invocation: Invocation) -> int:
    """Add a price list and say how many prices it has."""
    file: Path = invocation.arguments.file

    async def work(_identity: Identity, database: Database) -> None:
        say(f"prices  {await import_prices(database, file)}")

    return with_identity(invocation.settings, work)


def bring_rates(invocation: Invocation) -> int:
    """Add exchange rates and say how many."""
    file: Path = invocation.arguments.file

    async def work(_identity: Identity, database: Database) -> None:
        say(f"rates  {await import_rates(database, file)}")

    return with_identity(invocation.settings, work)
