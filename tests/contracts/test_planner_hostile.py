"""Schemathesis over the planner: no error of ours, and nothing that is not described."""

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

from gateway.backoffice.catalogue import DECLARATIONS
from gateway.backoffice.openapi import document
from gateway.backoffice.profiles.planner import PLANNER
from gateway.config import HttpSettings
from gateway.runtime.metrics import Metrics
from gateway.web.server import serve_http
from tests.gateway.backoffice.conftest import (  # noqa: F401 - fixtures
    Door,
    Tokens,
    app,
    elsewhere,
    in_shop,
    outside,
    planner,
    shops,
    tokens,
)
from tests.gateway.backoffice.rules.planner.conftest import visit as make_visit

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_schema_conformance"
)


@pytest.fixture
async def address(
    planner: Door,  # noqa: F811
    in_shop: Any,  # noqa: F811
    log: Any,
) -> AsyncIterator[str]:
    """The planner behind a real port, with a client and an item in it."""
    await in_shop(make_visit)
    parts = {"log": log, "metrics": Metrics(), "draining": trio.Event()}
    async with trio.open_nursery() as nursery:
        listen = partial(serve_http, planner.app, HttpSettings(port=0), **parts)
        bound = str(await nursery.start(listen)).rstrip("/")
        yield f"{bound}{PLANNER.mount}"
        nursery.cancel_scope.cancel()


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.timeout(240)
async def test_no_data_finds_what_is_not_written_down(
    address: str,
    planner: Door,  # noqa: F811
    tmp_path: Path,
) -> None:
    described = document(PLANNER, DECLARATIONS, "1.0") | {"servers": [{"url": address}]}
    path = tmp_path / "planner.json"
    path.write_text(json.dumps(described))
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", str(path), "--url", address),
        *("--checks", CHECKS, "--phases", "examples,fuzzing", "--mode", "all"),
        *("--max-examples", "5", "--seed", "1", "--generation-deterministic", "--no-shrink"),
        *("--workers", "1", "--continue-on-failure", "--no-color", "--warnings", "off"),
        *("--suppress-health-check", "all", "--header", f"Authorization: Bearer {planner.token}"),
    ]
    done = await trio.run_process(command, check=False, capture_stdout=True, stderr=STDOUT)
    assert done.returncode == 0, done.stdout.decode(errors="replace")
