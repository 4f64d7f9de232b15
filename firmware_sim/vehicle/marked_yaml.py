"""Reads YAML and keeps where everything stands, so that whoever is wrong is told the line.

Only what plain data needs: no tags of other languages, no key twice, a bounded number of nodes
(aliases can multiply) and a bounded depth.
"""

from __future__ import annotations

from dataclasses import dataclass

import yaml

#: Nodes that one file may come to, aliases followed. The biggest of ours has 6 000.
MAX_NODES = 200_000

#: Depth of nesting.
MAX_DEPTH = 40

#: Tags that no plain data has: an application's own, and Python's.
_FOREIGN = ("!", "tag:yaml.org,2002:python/")

Scalar = str | int | float | bool | None
Key = str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Marked:
    """One value of a file and its place.

    Attributes:
        value: a scalar, a list or a mapping of further ones.
        line: line in the file, counted from one.
    """

    value: Scalar | list[Marked] | dict[Key, Marked]
    line: int

    def plain(self) -> object:
        """Return the value as plain data."""
        match self.value:
            case list(items):
                return [item.plain() for item in items]
            case dict(members):
                return {key: member.plain() for key, member in members.items()}
            case scalar:
                return scalar


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something wrong in a file.

    Attributes:
        line: where, counted from one.
        text: what, in a sentence that says what to do where that is not obvious.
    """

    line: int
    text: str


class DocumentError(Exception):
    """A text is no YAML document that can be read.

    Attributes:
        flaws: everything that is wrong with it.
    """

    def __init__(self, flaws: list[Flaw]) -> None:
        self.flaws = flaws
        super().__init__("; ".join(flaw.text for flaw in flaws))


def read_document(text: str) -> Marked:
    """Return the one document of a YAML text.

    Raises:
        DocumentError: it is none, or holds what vehicles never need.
    """
    loader = yaml.CSafeLoader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            raise DocumentError([Flaw(1, "the file is empty")])
        return _Builder(loader).document(node)
    except yaml.MarkedYAMLError as error:
        raise DocumentError([_flaw(error)]) from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise DocumentError([Flaw(1, " ".join(str(error).split()))]) from None
    finally:
        loader.dispose()


def _flaw(error: yaml.MarkedYAMLError) -> Flaw:
    mark = error.problem_mark or error.context_mark
    text = " ".join(part for part in (error.context, error.problem) if part)
    return Flaw(mark.line + 1 if mark else 1, text)


class _Builder:
    """Turns nodes into marked values, and collects what is wrong on the way."""

    def __init__(self, loader: yaml.CSafeLoader) -> None:
        self._loader = loader
        self._flaws: list[Flaw] = []
        self._nodes = 0

    def document(self, node: yaml.Node) -> Marked:
        found = self._build(node, 0)
        if self._flaws:
            raise DocumentError(self._flaws)
        return found

    def _build(self, node: yaml.Node, depth: int) -> Marked:
        line = node.start_mark.line + 1
        self._nodes += 1
        if depth > MAX_DEPTH or self._nodes > MAX_NODES:
            raise DocumentError([Flaw(line, "the file is too large or nested too deeply")])
        if node.tag.startswith(_FOREIGN):
            self._flaws.append(Flaw(line, f"tags like {node.tag!r} have no meaning here"))
            return Marked(None, line)
        if isinstance(node, yaml.MappingNode):
            return Marked(self._mapping(node, depth), line)
        if isinstance(node, yaml.SequenceNode):
            return Marked([self._build(item, depth + 1) for item in node.value], line)
        return Marked(self._scalar(node), line)

    def _mapping(self, node: yaml.MappingNode, depth: int) -> dict[Key, Marked]:
        self._refuse_repeated_keys(node)
        self._loader.flatten_mapping(node)
        return {
            self._scalar(key): self._build(value, depth + 1)
            for key, value in node.value
            if self._is_scalar(key)
        }

    def _refuse_repeated_keys(self, node: yaml.MappingNode) -> None:
        seen: set[Key] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == "tag:yaml.org,2002:merge":
                continue
            name = self._scalar(key)
            if name in seen:
                self._flaws.append(Flaw(key.start_mark.line + 1, f"{key.value} is given twice"))
            seen.add(name)

    def _is_scalar(self, key: yaml.Node) -> bool:
        if isinstance(key, yaml.ScalarNode):
            return True
        self._flaws.append(Flaw(key.start_mark.line + 1, "a key is a name or a number"))
        return False

    def _scalar(self, node: yaml.Node) -> Scalar:
        value = self._loader.construct_object(node)
        if value is None or isinstance(value, str | int | float | bool):
            return value
        # Dates and the like: what was written is what counts.
        return str(node.value)
