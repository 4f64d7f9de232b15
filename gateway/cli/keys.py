"""The keys that sign tokens."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from gateway.cli.administration import actor
from gateway.cli.invocation import Invocation, say, with_identity
from gateway.identity.identity import Identity
from gateway.storage.database import Database

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - no public name


def add_to(commands: Commands) -> None:
    """Add the commands about keys."""
    keys = commands.add_parser("keys", help="what signs tokens")
    actions = keys.add_subparsers(required=True, metavar="ACTION")
    rotate = actions.add_parser("rotate", help="let a new key sign; what the old one signed holds")
    rotate.set_defaults(command=rotate_keys)


def rotate_keys(invocation: Invocation) -> int:
    """Let a new key sign from now on, and print its name.

    Running gateways take it over within seconds. Tokens that the old key signed are good until
    they expire.
    """

    async def work(identity: Identity, _database: Database) -> None:
        say(await identity.keys.rotate(actor=actor()))

    return with_identity(invocation.settings, work)
