"""Commands start without what only few of them need."""

from __future__ import annotations

import subprocess
import sys

import pytest

#: Large libraries for one job each: decoding, exports, documents, other engines, migrations.
SELDOM = (
    "alembic",
    "asammdf",
    "babel",
    "beartype",
    "mako",
    "psycopg",
    "pygments",
    "numpy",
    "pandas",
    "odxtools",
    "cantools",
    "coredis",
    "reportlab",
    "botocore",
    "holidays",
)


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.parametrize(
    "program", ["gateway.cli.quick_start, gateway.cli", "firmware_sim.__main__"]
)
def test_large_libraries_wait_until_they_are_needed(program: str) -> None:
    code = f"import sys, {program}; print(*(name for name in {SELDOM!r} if name in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=50, check=True
    )
    assert done.stdout.split() == []


@pytest.mark.slow
@pytest.mark.process
def test_they_are_there_when_they_are() -> None:
    code = "import gateway.cli, asammdf; print(asammdf.MDF.__name__)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=50, check=True
    )
    assert done.stdout == "MDF\n"
