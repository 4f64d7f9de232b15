"""``gateway openapi``: the documents of the served APIs."""

from __future__ import annotations

import argparse
import json
from importlib.metadata import version
from typing import TYPE_CHECKING

from gateway.backoffice.catalogue import DECLARATIONS
from gateway.backoffice.openapi import document
from gateway.cli.invocation import Invocation, say

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - no public name


def add_to(commands: Commands) -> None:
    """Add ``openapi``."""
    openapi = commands.add_parser("openapi", help="print an API's OpenAPI document")
    openapi.add_argument("name", choices=[api.name for api in DECLARATIONS.apis])
    openapi.set_defaults(command=run_openapi)


def run_openapi(invocation: Invocation) -> int:
    """Print the document as JSON."""
    name = invocation.arguments.name
    api = next(api for api in DECLARATIONS.apis if api.name == name)
    say(json.dumps(document(api, DECLARATIONS, version("diagnostic-gateway")), indent=2))
    return 0
