"""Modules stay small enough to be read in one go."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]

#: Beyond this a module has more than one noun in it.
LONGEST = 400

#: Lists of records, which are read line by line and not as a whole.
LISTS = {"gateway/config/sections.py", "gateway/backoffice/kinds.py", "protocols/link/messages.py"}

#: Even a list ends somewhere.
LONGEST_LIST = 520


def lengths() -> dict[str, int]:
    return {
        str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines())
        for program in ("gateway", "firmware_sim", "protocols")
        for path in (ROOT / program).rglob("*.py")
        if "versions" not in path.parts
    }


def test_no_module_is_too_long() -> None:
    limits = {name: LONGEST_LIST if name in LISTS else LONGEST for name in lengths()}
    assert {name: count for name, count in lengths().items() if count > limits[name]} == {}


def test_the_lists_are_there() -> None:
    assert lengths().keys() >= LISTS
