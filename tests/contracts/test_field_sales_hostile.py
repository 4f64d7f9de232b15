"""Schemathesis over field sales: no error of ours, and nothing that is not described.

The usual run asks for what lists, creates and acts. What begins with an id is left to the long
run, where there are documents behind the ids:

    .venv/bin/pytest tests/contracts/test_field_sales_hostile.py -m long
"""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from subprocess import STDOUT
from typing import Any

import pytest
import trio
from quart_trio import QuartTrio

from gateway.backoffice import schema
from gateway.backoffice.action import Services
from gateway.backoffice.catalogue import DECLARATIONS
from gateway.backoffice.openapi import document
from gateway.backoffice.profiles.field_sales import FIELD_SALES
from gateway.backoffice.routes import blueprints
from gateway.config import HttpSettings
from gateway.runtime.metrics import Metrics
from gateway.web.server import serve_http
from tests.contracts.test_field_sales_walk import RESOURCES, World, world  # noqa: F401 - fixture
from tests.gateway.backoffice.conftest import (  # noqa: F401 - fixtures
    Door,
    Tokens,
    contracts,
    elsewhere,
    field_sales,
    outside,
    shops,
    tokens,
)

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_schema_conformance"
)


@pytest.fixture
def app(shops: Any, identity: Any, clock: Any, outside: Any, log: Any) -> QuartTrio:  # noqa: F811
    """The app with a logger that prints nothing: a printed traceback takes a minute."""
    services = Services(shops, identity, schema.TABLES, clock, outside)
    quart = QuartTrio(__name__)
    for blueprint in blueprints(services, DECLARATIONS, log):
        quart.register_blueprint(blueprint)
    return quart


@pytest.fixture
async def address(field_sales: Door, log: Any) -> AsyncIterator[str]:  # noqa: F811
    """Field sales behind a real port."""
    parts = {"log": log, "metrics": Metrics(), "draining": trio.Event()}
    async with trio.open_nursery() as nursery:
        listen = partial(serve_http, field_sales.app, HttpSettings(port=0), **parts)
        bound = str(await nursery.start(listen)).rstrip("/")
        yield f"{bound}{FIELD_SALES.mount}"
        nursery.cancel_scope.cancel()


async def attack(door: Door, address: str, folder: Path, *options: str) -> tuple[int, str]:
    """Run schemathesis over the document; return its status and what it said."""
    path = folder / "field_sales.json"
    path.write_text(json.dumps(document(FIELD_SALES, DECLARATIONS, "1.0")))
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", str(path), "--url", address),
        *("--checks", CHECKS, "--phases", "fuzzing", "--mode", "all", "--seed", "1"),
        *("--generation-deterministic", "--no-shrink", "--workers", "1", "--continue-on-failure"),
        *("--no-color", "--warnings", "off", "--suppress-health-check", "all"),
        *("--header", f"Authorization: Bearer {door.token}", *options),
    ]
    done = await trio.run_process(
        command, check=False, capture_stdout=True, stderr=STDOUT, cwd=folder
    )
    return done.returncode, done.stdout.decode(errors="replace")


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.timeout(180)
async def test_no_data_finds_what_is_not_written_down(
    address: str,
    field_sales: Door,  # noqa: F811
    tmp_path: Path,
) -> None:
    options = ("--max-examples", "1", "--exclude-path-regex", r"\{id\}$")
    status, said = await attack(field_sales, address, tmp_path, *options)
    assert status == 0, said


@pytest.mark.long
@pytest.mark.process
@pytest.mark.timeout(3_600)
async def test_no_data_finds_more_behind_the_documents(
    address: str,
    world: World,  # noqa: F811
    field_sales: Door,  # noqa: F811
    tmp_path: Path,
) -> None:
    for base, kinds in RESOURCES.items():
        if "create" in kinds:
            await world.make(base)
    status, said = await attack(field_sales, address, tmp_path, "--max-examples", "20")
    assert status == 0, said
