"""Schemathesis over the repair API: no error of ours, and nothing that is not described.

A short run here; the long one, for each of its operations:

    HOSTILE_EXAMPLES=200 .venv/bin/pytest tests/contracts/test_repair_hostile.py
"""

from __future__ import annotations

import json
import os
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
from gateway.backoffice.profiles.repair import REPAIR
from gateway.config import HttpSettings
from gateway.runtime.metrics import Metrics
from gateway.web.server import serve_http
from tests.gateway.backoffice.conftest import (  # noqa: F401 - fixtures
    Door,
    Tokens,
    app,
    elsewhere,
    outside,
    repair,
    shops,
    tokens,
)

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_schema_conformance"
)

#: For each operation; one is enough to meet every route, every body and every answer.
EXAMPLES = int(os.environ.get("HOSTILE_EXAMPLES", "1"))

#: They end the token that all others need.
LEFT_OUT = ("authLogout", "revokeApiToken")


@pytest.fixture
async def address(repair: Door, log: Any) -> AsyncIterator[str]:  # noqa: F811
    """The repair API behind a real port, with a first record of the most common kinds."""
    lines = [{"description": "x", "qty": 1, "unit_price": 100}]
    for path, body in (
        ("/customers", {"first_name": "Jan", "email": "jan@example.test"}),
        ("/work-orders", {"customer_id": 1}),
        ("/work-orders/1/lines", {"description": "x", "unit_price": 5}),
        ("/products", {"name": "Part", "price_excl": 10, "stock_quantity": 5}),
        ("/invoices", {"customer_id": 1, "invoice_date": "2026-03-02", "lines": lines}),
        ("/v1/quotations", {"customer_id": 1, "lines": lines}),
        ("/warehouse/bins", {"code": "A-01-01"}),
        ("/v1/tasks", {"title": "T"}),
    ):
        status, answer = await repair.ask("POST", path, json=body)
        assert status in {200, 201}, answer
    parts = {"log": log, "metrics": Metrics(), "draining": trio.Event()}
    async with trio.open_nursery() as nursery:
        listen = partial(serve_http, repair.app, HttpSettings(port=0), **parts)
        bound = str(await nursery.start(listen)).rstrip("/")
        yield f"{bound}{REPAIR.mount}"
        nursery.cancel_scope.cancel()


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.timeout(240 * EXAMPLES)
async def test_no_data_finds_what_is_not_written_down(
    address: str,
    repair: Door,  # noqa: F811
    tmp_path: Path,
) -> None:
    described = document(REPAIR, DECLARATIONS, "1.0") | {"servers": [{"url": address}]}
    path = tmp_path / "repair.json"
    path.write_text(json.dumps(described))
    left_out = [part for name in LEFT_OUT for part in ("--exclude-operation-id", name)]
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", str(path), "--url", address),
        *("--checks", CHECKS, "--phases", "fuzzing", "--mode", "all", *left_out),
        *("--max-examples", str(EXAMPLES), "--seed", "1", "--generation-deterministic"),
        *("--no-shrink", "--workers", "1", "--continue-on-failure", "--no-color"),
        *("--warnings", "off", "--suppress-health-check", "all"),
        *("--header", f"Authorization: Bearer {repair.token}"),
    ]
    done = await trio.run_process(
        command, check=False, capture_stdout=True, stderr=STDOUT, cwd=tmp_path
    )
    assert done.returncode == 0, done.stdout.decode(errors="replace")
