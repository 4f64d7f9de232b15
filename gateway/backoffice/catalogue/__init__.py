"""The declarations. A new resource is one file here, and nothing else has to know of it.

A file says what it declares in tuples that are gathered by name:

    NOUNS       tables (those that rules or several files share are in ``backoffice/nouns``)
    RESOURCES   faces of nouns
    ACTIONS     operations of their own

How to add one: copy a short file of ``repair/`` (``branches.py``), change the names, run
``gateway db revision`` for the table. Table, endpoints, document and the generic tests follow
from the records; mistakes are reported all at once when the gateway starts.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pkgutil import walk_packages
from types import ModuleType

from gateway.backoffice import nouns
from gateway.backoffice.action import Action
from gateway.backoffice.declarations import Declarations
from gateway.backoffice.noun import Noun
from gateway.backoffice.resource import Resource


def _modules() -> Iterator[ModuleType]:
    for package, paths in ((nouns.__name__, nouns.__path__), (__name__, __path__)):
        found = walk_packages(paths, f"{package}.")
        yield from (import_module(name) for name in sorted(module.name for module in found))


def gather(modules: Iterator[ModuleType]) -> Declarations:
    """Return what ``modules`` declare."""
    nouns: list[Noun] = []
    resources: list[Resource] = []
    actions: list[Action] = []
    for module in modules:
        nouns += getattr(module, "NOUNS", ())
        resources += getattr(module, "RESOURCES", ())
        actions += getattr(module, "ACTIONS", ())
    return Declarations(tuple(nouns), tuple(resources), tuple(actions))


#: What the product serves.
DECLARATIONS = gather(_modules())

__all__ = ["DECLARATIONS", "gather"]
