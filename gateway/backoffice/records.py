"""Kinds that hold other kinds: lists in bodies, and the sentences for each of their members."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.types import TypeEngine
from typing_extensions import override

from gateway.backoffice.kinds import Kind, Schema, storable
from gateway.storage.columns import Json

#: No document of a shop has more rows; beyond it somebody tries the memory.
MOST_ROWS = 500


class MemberErrors(ValueError):
    """Mistakes inside a list or an object.

    Attributes:
        errors: path below the member (``0.qty``) -> the rest of the sentence.
    """

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__(next(iter(errors.values())))
        self.errors = dict(errors)


@dataclass(frozen=True, slots=True)
class Member:
    """One member of an object in a list.

    Attributes:
        name: at the edge.
        kind: what it holds.
        column: under which name the value comes out; the same when empty.
        required: it must be there, and not ``null``.
        default: taken when it is not there; ``None`` leaves it out.
    """

    name: str
    kind: Kind
    column: str = ""
    required: bool = False
    default: object = None

    @property
    def key(self) -> str:
        """The name under which the value comes out."""
        return self.column or self.name


@dataclass(frozen=True, slots=True)
class Records(Kind):
    """A list of objects: the lines of a document. Comes out as a list of dictionaries."""

    members: tuple[Member, ...]
    minimum: int = 0

    @override
    def sql(self) -> TypeEngine[Any]:
        return Json

    @override
    def schema(self) -> Schema:
        properties = {m.name: m.kind.schema() for m in self.members}
        required = [m.name for m in self.members if m.required]
        items: Schema = {"type": "object", "properties": properties}
        items |= {"required": required} if required else {}
        return {"type": "array", "items": items, "minItems": self.minimum, "maxItems": MOST_ROWS}

    @override
    def parse(self, value: object) -> list[dict[str, object]]:
        if not isinstance(value, list):
            raise ValueError("must be a list.")
        if not self.minimum <= len(value) <= MOST_ROWS:
            raise ValueError(f"must have between {self.minimum} and {MOST_ROWS} items.")
        errors: dict[str, str] = {}
        rows = [self._row(index, row, errors) for index, row in enumerate(value)]
        if errors:
            raise MemberErrors(errors)
        return rows

    def _row(self, index: int, row: object, errors: dict[str, str]) -> dict[str, object]:
        if not isinstance(row, dict):
            errors[str(index)] = "must be an object."
            return {}
        found: dict[str, object] = {}
        for member in self.members:
            try:
                _take(member, row, found)
            except MemberErrors as error:
                path = f"{index}.{member.name}"
                errors |= {f"{path}.{inner}": told for inner, told in error.errors.items()}
            except ValueError as error:
                errors[f"{index}.{member.name}"] = str(error)
        return found


def _take(member: Member, row: Mapping[str, object], found: dict[str, object]) -> None:
    value = row.get(member.name)
    if value is not None:
        found[member.key] = member.kind.parse(value)
    elif member.required:
        raise ValueError("is required.")
    elif member.default is not None:
        found[member.key] = member.default


@dataclass(frozen=True, slots=True)
class Several(Kind):
    """A list of values of one kind."""

    kind: Kind
    most: int = 200

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
        return [self.kind.parse(item) for item in value]


@dataclass(frozen=True, slots=True)
class Anything(Kind):
    """Any JSON value, kept as it came; text in it must be storable."""

    described: Schema = field(default_factory=dict, hash=False)

    @override
    def sql(self) -> TypeEngine[Any]:
        return Json

    @override
    def schema(self) -> Schema:
        return dict(self.described)

    @override
    def parse(self, value: object) -> object:
        return storable(value)


@dataclass(frozen=True, slots=True)
class Upload(Kind):
    """A file in a multipart body, of at most ``most`` bytes; comes out as :class:`File`."""

    most: int = 10 * 1024 * 1024

    @override
    def sql(self) -> TypeEngine[Any]:
        return Json

    @override
    def schema(self) -> Schema:
        return {"type": "string", "format": "binary"}

    @override
    def parse(self, value: object) -> File:
        if not isinstance(value, File):
            raise ValueError("must be a file in a multipart/form-data body.")
        if len(value.data) > self.most:
            raise ValueError(f"must not be larger than {self.most} bytes.")
        return value


@dataclass(frozen=True, slots=True)
class File:
    """A file that came in, or goes out.

    Attributes:
        name: as given by the sender; never used as a path.
        media: media type.
        data: the bytes.
    """

    name: str
    media: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Html:
    """A small page for people, which loads nothing and runs nothing.

    Attributes:
        text: the document.
        status: of the answer.
        location: where the reader is sent on; empty for nowhere.
    """

    text: str
    status: int = 200
    location: str = ""
