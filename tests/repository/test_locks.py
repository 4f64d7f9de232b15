"""What is installed is what the locks say, from whatever index: exact versions, with hashes."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = ["runtime.txt", "dev.txt"]

PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[A-Za-z0-9.!+]+)(?P<marker> ; .+)? \\$")
HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}( \\)?$")


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def read(lock: str) -> dict[str, int]:
    """Return how many hashes each requirement has; anything else in the file fails."""
    found: dict[str, int] = {}
    current = ""
    for number, line in enumerate((ROOT / "requirements" / lock).read_text().splitlines(), 1):
        if pin := PIN.match(line):
            current = normal(pin["name"])
            assert current not in found or pin["marker"], f"{lock}:{number}: twice"
            found.setdefault(current, 0)
        else:
            assert HASH.match(line), f"{lock}:{number}: {line!r} is neither a pin nor a hash"
            found[current] += 1
    return found


@pytest.mark.parametrize("lock", LOCKS)
def test_every_requirement_is_exact_and_hashed(lock: str) -> None:
    found = read(lock)
    assert len(found) > 20
    assert [name for name, hashes in found.items() if not hashes] == []


@pytest.mark.parametrize("lock", LOCKS)
def test_no_index_and_no_path_stands_in_a_lock(lock: str) -> None:
    text = (ROOT / "requirements" / lock).read_text()
    for word in ("://", "index", "file:", " @ ", "/home", "/root", "-e ", "--find-links"):
        assert word not in text, word


def test_what_runs_is_part_of_what_is_developed_with() -> None:
    def pins(lock: str) -> set[str]:
        lines = (ROOT / "requirements" / lock).read_text().splitlines()
        return {line.split(" ")[0] for line in lines if PIN.match(line)}

    assert pins("runtime.txt") <= pins("dev.txt")


def test_the_locks_hold_whatever_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())

    def names(requirements: list[str]) -> set[str]:
        return {normal(re.split(r"[<>=!~\[; ]", one)[0]) for one in requirements}

    runtime = names(project["project"]["dependencies"])
    groups = project["dependency-groups"]
    assert runtime | names(groups["build"]) <= read("runtime.txt").keys()
    assert names(groups["dev"]) <= read("dev.txt").keys()
