"""The back office is light: what it takes of memory, beside what a gateway has anyway."""

from __future__ import annotations

import subprocess
import sys

import pytest

#: MiB for declarations, tables, rules and routes of all three APIs; 18 when it was measured.
MOST = 40

CODE = """
from pathlib import Path
from gateway.cli import quick_start
import quart_trio
import gateway.identity.identity, gateway.web.server, gateway.web.problems
def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20
before = resident()
from gateway.backoffice import documents, jobs, recognition, schema, sending
from gateway.backoffice.action import Services
from gateway.backoffice.catalogue import DECLARATIONS
from gateway.backoffice.routes import blueprints
made = blueprints(Services(None, None, schema.TABLES, None, None), DECLARATIONS, None)
assert len(made) == 3
print(resident() - before)
"""


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.skipif(sys.platform != "linux", reason="memory is told by /proc")
def test_three_apis_take_little_memory() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, timeout=50, check=True
    )
    assert 5 < float(done.stdout) < MOST
