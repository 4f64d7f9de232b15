"""``gateway openapi``: the documents of the served APIs."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from gateway.backoffice.documents import documents
from gateway.cli.invocation import Invocation, say
from gateway.rest.documents import APIS, api_document

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - no public name


def add_to(commands: Commands) -> None:
    """Add ``openapi``."""
    openapi = commands.add_parser("openapi", help="print an API's OpenAPI document")
    openapi.add_argument("name", choices=[*APIS, *documents()])
    openapi.set_defaults(command=run_openapi)


def run_openapi(invocation: Invocation) -> int:
    """Print the document as JSON."""
    name = invocation.arguments.name
    made = api_document(name) if name in APIS else documents()[name]()
    say(json.dumps(made, indent=2))
    return 0
