"""Where everything is installed, nothing is left out."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.skips import must_run

ROOT = Path(__file__).parents[2]

SKIPPED = """
import pytest

def test_left_out():
    pytest.skip("{reason}")
"""


@pytest.mark.parametrize(
    ("reason", "required", "expected"),
    [
        ("PostgreSQL: it is not installed", "1", True),
        ("no mosquitto on this machine", "1", True),
        ("tshark is not installed", "", False),
        ("this machine has no multicast", "1", False),
        ("timerfd is Linux's", "1", False),
    ],
)
def test_what_must_run(reason: str, required: str, expected: bool) -> None:
    assert must_run(reason, {"REQUIRE_SERVERS": required}) is expected


@pytest.mark.slow
@pytest.mark.process
@pytest.mark.parametrize(("reason", "status"), [("no server", 1), ("no multicast", 0)])
def test_a_run_fails_over_what_it_leaves_out(tmp_path: Path, reason: str, status: int) -> None:
    (tmp_path / "test_it.py").write_text(SKIPPED.format(reason=reason))
    arguments = [
        "-p",
        "tests.conftest",
        "-c",
        str(ROOT / "pyproject.toml"),
        "--rootdir",
        str(ROOT),
    ]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *arguments, str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "REQUIRE_SERVERS": "1"},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == status, done.stdout
    assert ("must not be skipped here: no server" in done.stdout) is bool(status)


def test_ci_requires_everything() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    assert "export REQUIRE_SERVERS=1" in script
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111
