"""``main``: parse, load settings, run, turn refusals into exit statuses."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from gateway.cli import administration, documents, schema, serving
from gateway.cli.invocation import Command, Invocation
from gateway.config import ConfigError, load
from gateway.domain.errors import GatewayError
from gateway.storage.migrations.schema import SchemaError

#: Exit statuses: the command failed; it was called wrongly or is configured wrongly; Ctrl+C.
FAILED, MISUSED, INTERRUPTED = 1, 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    arguments = parser().parse_args(argv)
    command: Command = arguments.command
    try:
        return command(Invocation(arguments, load(arguments.config, os.environ)))
    except ConfigError as error:
        return _refuse("configuration", "\n".join(error.problems), MISUSED)
    except GatewayError as error:
        return _refuse(error.title, error.detail, FAILED)
    except (SchemaError, OSError) as error:
        return _refuse("failed", str(error), FAILED)
    except KeyboardInterrupt:
        return INTERRUPTED


def _refuse(title: str, text: str, status: int) -> int:
    for line in text.splitlines():
        sys.stderr.write(f"{title}: {line}\n")
    return status


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands; each sets ``command``."""
    top = argparse.ArgumentParser(prog="gateway", description="Remote vehicle diagnostics.")
    top.add_argument("--config", type=Path, help="TOML file; the environment overrides it")
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    for group in (serving, schema, administration, documents):
        group.add_to(commands)
    return top
