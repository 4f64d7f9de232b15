"""``main``: parse, load settings, run, turn refusals into exit statuses."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import TypeVar

from gateway.cli.invocation import Command, Invocation
from gateway.config import ConfigError, load
from gateway.domain.errors import GatewayError
from gateway.runtime.garbage import not_looking
from gateway.runtime.supervise import ServiceFailed
from gateway.storage.copying import CopyError
from gateway.storage.migrations.schema import SchemaError

E = TypeVar("E", bound=BaseException)

#: Module of this package -> the commands it has. Only that of the command given is imported: all
#: of them together take a second, and most commands need little.
GROUPS = {
    "serving": ("serve", "demo", "cluster-demo"),
    "schema": ("db",),
    "administration": ("provider", "tenant", "connector", "operator", "desk"),
    "catalogue": ("catalogue",),
    "wallets": ("wallet",),
    "keys": ("keys",),
    "settings": ("config",),
    "documents": ("openapi",),
    "diagnosis": ("connectors", "uds"),
    "flashing": ("flash",),
    "watching": ("monitor", "record"),
}

#: Exit statuses: the command failed; it was called wrongly or is configured wrongly; Ctrl+C.
FAILED, MISUSED, INTERRUPTED = 1, 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    words = sys.argv[1:] if argv is None else argv
    status = FAILED
    # With stars: what ends a nursery comes out of it in a group. The parser is within, because it
    # imports the command's modules: that takes seconds, and may meet Ctrl+C.
    try:
        arguments = parser(words).parse_args(words)
        command: Command = arguments.command
        status = command(Invocation(arguments, load(arguments.config, os.environ)))
    except* KeyboardInterrupt:
        status = INTERRUPTED
    except* ConfigError as group:
        status = MISUSED
        for config_error in _leaves(group):
            _tell("configuration", "\n".join(config_error.problems))
    except* GatewayError as group:
        for refusal in _leaves(group):
            _tell(refusal.title, refusal.detail)
    except* (CopyError, SchemaError, OSError, ServiceFailed) as group:
        for error in _leaves(group):
            _tell("failed", str(error))
    return status


def _leaves(group: BaseExceptionGroup[E]) -> Iterator[E]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


def _tell(title: str, text: str) -> None:
    for line in text.splitlines():
        sys.stderr.write(f"{title}: {line}\n")


def parser(words: Sequence[str] = ()) -> argparse.ArgumentParser:
    """Return the parser of the commands among ``words``, or of all; each sets ``command``."""
    top = argparse.ArgumentParser(prog="gateway", description="Remote vehicle diagnostics.")
    top.add_argument("--config", type=Path, help="TOML file; the environment overrides it")
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    named = [group for group, names in GROUPS.items() if set(names) & set(words)]
    with not_looking():
        for group in named or GROUPS:
            import_module(f"gateway.cli.{group}").add_to(commands)
    return top
