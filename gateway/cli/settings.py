"""``gateway config``: the settings, as a page."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from gateway.cli.invocation import Invocation
from gateway.config.reference import reference

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - no public name


def add_to(commands: Commands) -> None:
    """Add ``config``."""
    config = commands.add_parser("config", help="print every setting, its default and meaning")
    config.set_defaults(command=run_config)


def run_config(_: Invocation) -> int:
    """Print the page, Markdown."""
    sys.stdout.write(reference())
    return 0
