"""The back offices' OpenAPI documents, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from importlib.metadata import version

from gateway.backoffice.catalogue import DECLARATIONS
from gateway.backoffice.kinds import Schema
from gateway.backoffice.openapi import document


def documents() -> Mapping[str, Callable[[], Schema]]:
    """Return what makes each API's document."""
    product = version("diagnostic-gateway")
    return {api.name: partial(document, api, DECLARATIONS, product) for api in DECLARATIONS.apis}
