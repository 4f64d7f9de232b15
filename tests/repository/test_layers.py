"""The layer contracts are kept; and each, deliberately broken, says so by its own name."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAMS = ("gateway", "firmware_sim", "protocols")

pytestmark = [pytest.mark.slow, pytest.mark.process]


@dataclass(frozen=True, slots=True)
class Violation:
    """One line that must not stand in a module, and who must report it.

    Attributes:
        module: file, below the root; made when it is not there.
        line: what is added.
        contract: how the contract's name begins.
        told: what its report must name.
    """

    module: str
    line: str
    contract: str
    told: str


VIOLATIONS = [
    Violation("protocols/uds/policy.py", "import trio", "Protocols are sans-IO", "trio"),
    Violation("protocols/can/filters.py", "import time", "Protocols are sans-IO", "time"),
    Violation(
        "firmware_sim/firmware/status.py",
        "import gateway.domain.errors",
        "Programs sit on the protocols",
        "gateway.domain.errors",
    ),
    Violation(
        "protocols/isotp/params.py",
        "import protocols.uds.names",
        "Protocol families",
        "protocols.uds.names",
    ),
    Violation(
        "gateway/storage/columns.py",
        "import gateway.identity.digests",
        "Gateway layers",
        "gateway.identity.digests",
    ),
    Violation("gateway/utils.py", "HANDY = 1", "Gateway layers", "gateway.utils"),
    Violation(
        "firmware_sim/firmware/monitor.py",
        "import firmware_sim.vehicle.vin",
        "The simulator's firmware",
        "firmware_sim.vehicle.vin",
    ),
    Violation("gateway/sessions/leases.py", "import sqlalchemy", "SQL stays", "sqlalchemy"),
    Violation("gateway/tickets/life.py", "import quart", "HTTP stays", "quart"),
    Violation(
        "gateway/backoffice/access.py",
        "import gateway.links.timers",
        "The back office never reaches",
        "gateway.links.timers",
    ),
    Violation(
        "gateway/client/units.py",
        "import gateway.domain.errors",
        "The operators' client",
        "gateway.domain.errors",
    ),
    Violation(
        "gateway/tickets/life.py",
        "import gateway.tickets.service",
        "No cycles",
        "gateway.tickets",
    ),
]


@pytest.fixture(scope="module")
def copied_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the source, to be broken."""
    copy = tmp_path_factory.mktemp("tree")
    for program in PROGRAMS:
        ignored = shutil.ignore_patterns("__pycache__", "*.csv", "*.yaml")
        shutil.copytree(ROOT / program, copy / program, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", copy)
    return copy


@pytest.fixture
def tree(copied_tree: Path) -> Iterator[Path]:
    """The copy; whatever a test has broken is put right afterwards."""
    yield copied_tree
    for module in {violation.module for violation in VIOLATIONS}:
        if (ROOT / module).exists():
            shutil.copy(ROOT / module, copied_tree / module)
        else:
            (copied_tree / module).unlink(missing_ok=True)


def lint(tree: Path) -> tuple[int, str]:
    """Run the contracts over a tree; return exit status and report."""
    # The tree's own folder goes first on the path, so that its copy is what is read.
    program = (
        "import sys; sys.path.insert(0, sys.argv.pop());"
        "from importlinter.cli import lint_imports_command; lint_imports_command()"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, "--no-cache", str(tree)],
        cwd=tree,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return ended.returncode, ended.stdout + ended.stderr


def broken(report: str) -> set[str]:
    """Return the names of the contracts that a report calls broken."""
    return set(re.findall(r"^(.+?) BROKEN", report, re.MULTILINE))


def test_every_contract_is_kept(tree: Path) -> None:
    status, report = lint(tree)
    assert status == 0, report
    assert "0 broken" in report
    assert report.count(" KEPT") >= len({violation.contract for violation in VIOLATIONS})


@pytest.mark.parametrize("violation", VIOLATIONS, ids=lambda violation: violation.contract)
def test_a_violation_is_reported_by_its_contract(tree: Path, violation: Violation) -> None:
    module = tree / violation.module
    before = module.read_text(encoding="utf-8") if module.exists() else '"""New."""\n'
    module.write_text(f"{before}\n{violation.line}\n", encoding="utf-8")
    status, report = lint(tree)
    assert status == 1, report
    (name,) = (name for name in broken(report) if name.startswith(violation.contract))
    explanation = report[report.index("Broken contracts") :]
    assert violation.told in explanation[explanation.index(name) :]
