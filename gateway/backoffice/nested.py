"""Kinds that nest: objects and lists of objects kept as JSON, in the spelling of their API.

What is stored is what was accepted, so that an answer needs no translation: ids stay the text that
the edge spells, amounts are JSON numbers. Members that nobody declared are dropped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import String
from sqlalchemy.types import TypeEngine
from typing_extensions import override

from gateway.backoffice.kinds import Identifier, Kind, Schema, storable
from gateway.backoffice.records import MOST_ROWS, MemberErrors
from gateway.storage.columns import Json

_ID = Identifier(hexadecimal=True)


@dataclass(frozen=True, slots=True)
class Mention(Kind):
    """The id of a row of another noun inside a document, as 24 hexadecimal digits."""

    noun: str

    @override
    def sql(self) -> TypeEngine[Any]:
        return String(24)

    @override
    def schema(self) -> Schema:
        return _ID.schema()

    @override
    def parse(self, value: object) -> object:
        return _ID.render(_ID.parse(value))


@dataclass(frozen=True, slots=True)
class Part(Kind):
    """An object with known members.

    Attributes:
        members: name -> kind.
        required: members that must be there.
    """

    members: Mapping[str, Kind] = field(hash=False)
    required: tuple[str, ...] = ()

    @override
    def sql(self) -> TypeEngine[Any]:
        return Json

    @override
    def schema(self) -> Schema:
        properties = {name: kind.schema() for name, kind in self.members.items()}
        schema: Schema = {"type": "object", "properties": properties}
        return schema | ({"required": list(self.required)} if self.required else {})

    @override
    def parse(self, value: object) -> dict[str, object]:
        if not isinstance(value, dict):
            raise ValueError("must be an object.")
        found: dict[str, object] = {}
        errors: dict[str, str] = {}
        for name, kind in self.members.items():
            try:
                if value.get(name) is not None:
                    found[name] = storable(kind.render(kind.parse(value[name])))
                elif name in self.required:
                    raise ValueError("is required.")
            except MemberErrors as error:
                errors |= {f"{name}.{inner}": told for inner, told in error.errors.items()}
            except ValueError as error:
                errors[name] = str(error)
        if errors:
            raise MemberErrors(errors)
        return found


@dataclass(frozen=True, slots=True)
class Many(Kind):
    """A list of values of one kind."""

    kind: Kind
    most: int = MOST_ROWS

    @override
    def sql(self) -> TypeEngine[Any]:
        return Json

    @override
    def schema(self) -> Schema:
        return {"type": "array", "items": self.kind.schema(), "maxItems": self.most}

    @override
    def parse(self, value: object) -> list[object]:
        if not isinstance(value, list) or len(value) > self.most:
            raise ValueError(f"must be a list of at most {self.most} items.")
        errors: dict[str, str] = {}
        found: list[object] = []
        for index, item in enumerate(value):
            try:
                found.append(storable(self.kind.render(self.kind.parse(item))))
            except MemberErrors as error:
                errors |= {f"{index}.{inner}": told for inner, told in error.errors.items()}
            except ValueError as error:
                errors[str(index)] = str(error)
        if errors:
            raise MemberErrors(errors)
        return found


def mentions(kind: Kind, value: object, path: str) -> Iterator[tuple[str, str, int]]:
    """Yield (path, noun, id) of each row that a parsed value mentions."""
    if value is None:
        return
    match kind:
        case Mention():
            yield path, kind.noun, int(str(value), 16)
        case Part() if isinstance(value, dict):
            for name, inner in kind.members.items():
                yield from mentions(inner, value.get(name), f"{path}.{name}")
        case Many() if isinstance(value, list):
            for index, item in enumerate(value):
                yield from mentions(kind.kind, item, f"{path}.{index}")
        case _:
            return
