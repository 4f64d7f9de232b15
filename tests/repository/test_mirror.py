"""Every module has a test that names it: whoever changes one knows where to look."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAMS = ("gateway", "firmware_sim", "protocols")

#: Modules that no test names, each with the reason.
EXCEPTIONS = {
    "gateway.__main__": "run as a process by tests/end_to_end",
    "firmware_sim.__main__": "run as a process by the demo in tests/end_to_end",
    "gateway.storage.migrations.env": "Alembic runs it, in every test that upgrades a database",
    "gateway.tickets.events": "tests/gateway/tickets/test_service.py reads what it makes",
    "gateway.tickets.connector_view": "one shape of two doors, held to the contract by both",
    "gateway.rest.customer.shapes": "shapes of the doors beside it, held to the contract there",
    "gateway.backoffice.access": "tests/gateway/backoffice/test_routes.py comes in through it",
}

#: Rooms whose modules are reached through one door, which the folder's tests use.
ONE_DOOR = {
    "firmware_sim.vehicle.services.": "tests/firmware_sim/vehicle/services",
    "gateway.backoffice.profiles.": "tests/gateway/backoffice",
    "gateway.backoffice.catalogue.": "tests/gateway/backoffice/catalogue",
    "gateway.backoffice.nouns.": "tests/gateway/backoffice",
    # Every rule is behind an operation, and tests/contracts walks over all of them.
    "gateway.backoffice.rules.": "tests/gateway/backoffice/rules",
}

#: Revisions have numbers for names; tests/gateway/storage/test_schema.py runs them all.
REVISIONS = "gateway.storage.migrations.versions."


def modules() -> list[str]:
    """Return the modules with code of their own; package maps have none."""
    found = []
    for program in PROGRAMS:
        for path in sorted((ROOT / program).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            if path.name != "__init__.py" and not name.startswith(REVISIONS):
                found.append(name)
    return found


def imports_of(path: Path) -> Iterator[tuple[str, str]]:
    """Yield (module, name) for each import of a file; the name is empty for plain imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node.module, alias.name) for alias in node.names)


@cache
def passed_on() -> dict[tuple[str, str], str]:
    """Return where a package's names come from: (package, name) -> module."""
    found = {}
    for program in PROGRAMS:
        for path in (ROOT / program).rglob("__init__.py"):
            package = ".".join(path.parent.relative_to(ROOT).parts)
            found.update({(package, name): module for module, name in imports_of(path)})
    return found


@cache
def imported_by_tests() -> frozenset[str]:
    """Return every module that tests, or what they share, import or import from."""
    names: set[str] = set()
    for path in (ROOT / "tests").rglob("*.py"):
        for module, name in imports_of(path):
            names |= {module, f"{module}.{name}", passed_on().get((module, name), module)}
    return frozenset(names)


def has_mirror(module: str) -> bool:
    """Tell whether a test file stands where the module's should, with its name in its own."""
    *folders, stem = module.split(".")
    return any((ROOT / "tests" / Path(*folders)).glob(f"test_*{stem}*.py"))


@pytest.mark.slow
def test_every_module_has_a_test_that_names_it() -> None:
    missing = {
        module
        for module in set(modules()) - imported_by_tests() - EXCEPTIONS.keys()
        if not has_mirror(module) and not module.startswith(tuple(ONE_DOOR))
    }
    assert sorted(missing) == []


@pytest.mark.slow
def test_the_exceptions_are_still_needed() -> None:
    assert EXCEPTIONS.keys() <= set(modules())
    assert EXCEPTIONS.keys().isdisjoint(imported_by_tests())
    for folder in ONE_DOOR.values():
        assert list((ROOT / folder).glob("test_*.py"))


def test_no_test_folder_is_a_package() -> None:
    # The runner imports test modules by path; a package would shadow the tree it mirrors.
    assert list((ROOT / "tests").rglob("__init__.py")) == []
