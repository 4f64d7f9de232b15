"""Finds what is served at a path: a tree of segments, in which words go before parameters.

An API has hundreds of paths behind several prefixes; a tree is built in no time and walked in a
few steps, whatever their number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from werkzeug.routing import PathConverter

T = TypeVar("T")

#: Longer parts of a path are no words and no ids.
_LONGEST_PLAIN = 64


@dataclass
class _Branch(Generic[T]):
    """What follows after some segments."""

    words: dict[str, _Branch[T]] = field(default_factory=dict)
    #: Name of the parameter -> what follows it; paths may name it differently.
    parameters: dict[str, _Branch[T]] = field(default_factory=dict)
    leaf: T | None = None


class Anything(PathConverter):
    """The rest of a path, line breaks included: what is none of ours is refused by us too."""

    regex = r"[^/][\s\S]*?"


class PathTree(Generic[T]):
    """Paths such as ``/orders/{id}/lines``, and something at each."""

    def __init__(self) -> None:
        self._root: _Branch[T] = _Branch()

    def put(self, path: str, leaf: T) -> None:
        """Put ``leaf`` at ``path``."""
        branch = self._root
        for segment in _segments(path):
            names = branch.parameters if segment.startswith("{") else branch.words
            branch = names.setdefault(segment.strip("{}"), _Branch())
        branch.leaf = leaf

    def find(self, path: str) -> list[tuple[T, Mapping[str, str]]]:
        """Return what is at ``path`` with the values of its parameters, the closest first."""
        found: list[tuple[T, Mapping[str, str]]] = []
        _walk(self._root, _segments(path), {}, found)
        return found


def _walk(
    branch: _Branch[T],
    segments: list[str],
    values: Mapping[str, str],
    found: list[tuple[T, Mapping[str, str]]],
) -> None:
    if not segments:
        if branch.leaf is not None:
            found.append((branch.leaf, values))
        return
    first, *rest = segments
    if first in branch.words:
        _walk(branch.words[first], rest, values, found)
    for name, following in branch.parameters.items():
        _walk(following, rest, {**values, name: first}, found)


def _segments(path: str) -> list[str]:
    return path.strip("/").split("/")


def loggable(path: str) -> str:
    """Return a path for the log: long parts are signed links, which open what they lead to."""
    return "/".join(part if len(part) <= _LONGEST_PLAIN else "..." for part in path.split("/"))
