"""Makes records of a marked document, and finds everything that is wrong in one go.

msgspec checks single values; it stops at the first one that is wrong and knows no lines. So the
walk through records, lists and mappings is done here, and msgspec is asked about the leaves.
"""

from __future__ import annotations

import re
import types
from difflib import get_close_matches
from functools import cache
from typing import Annotated, Any, TypeVar, get_args, get_origin

import msgspec
from msgspec.structs import FieldInfo, fields

from firmware_sim.vehicle.marked_yaml import DocumentError, Flaw, Marked
from firmware_sim.vehicle.record import Hex, Record, SpecError

R = TypeVar("R", bound=Record)

#: More flaws than this are counted, not told.
MAX_FLAWS = 50

#: What msgspec adds about the place inside a leaf.
_PLACE = re.compile(r" - at `[^`]*`$")


class _Broken:
    """Stands for a value that could not be made; the reason was noted."""


_BROKEN = _Broken()


def read_record(document: Marked, kind: type[R]) -> R:
    """Return the record that a document describes.

    Raises:
        DocumentError: it describes none; with every flaw that was found.
    """
    reader = _Reader()
    found = reader.read(document, kind, "")
    if isinstance(found, kind) and not reader.flaws:
        return found
    flaws = sorted(reader.flaws, key=lambda flaw: flaw.line)
    if len(flaws) > MAX_FLAWS:
        more = Flaw(flaws[MAX_FLAWS].line, f"and {len(flaws) - MAX_FLAWS} more")
        flaws = [*flaws[:MAX_FLAWS], more]
    raise DocumentError(flaws)


# Any: the types of fields are known at run time only.
class _Reader:
    """One walk through one document."""

    def __init__(self) -> None:
        self.flaws: list[Flaw] = []

    def read(self, node: Marked, kind: Any, place: str) -> Any:
        """Return the value of a type, or `_BROKEN` with the flaws noted."""
        origin, arguments = get_origin(kind), get_args(kind)
        if origin is types.UnionType or type(None) in arguments:
            return self._read_optional(node, arguments, place)
        if origin is Annotated and get_origin(arguments[0]) is tuple:
            return self._read_bounded(node, kind, place)
        if isinstance(kind, type) and issubclass(kind, Record):
            return self._read_record(node, kind, place)
        if origin is tuple:
            return self._read_list(node, arguments[0], place)
        if origin is dict:
            return self._read_mapping(node, arguments[0], arguments[1], place)
        return self._read_leaf(node, kind, place)

    def _read_optional(self, node: Marked, arguments: tuple[Any, ...], place: str) -> Any:
        if node.value is None:
            return None
        (kind,) = (argument for argument in arguments if argument is not type(None))
        return self.read(node, kind, place)

    def _read_bounded(self, node: Marked, kind: Any, place: str) -> Any:
        inner, *bounds = get_args(kind)
        if isinstance(node.value, list):
            blank = Marked([Marked(None, item.line) for item in node.value], node.line)
            if self._read_leaf(blank, Annotated[list[None], *bounds], place) is _BROKEN:
                return _BROKEN
        return self.read(node, inner, place)

    def _read_record(self, node: Marked, kind: type[Record], place: str) -> Any:
        if not isinstance(node.value, dict):
            return self._flaw(node, place, f"expected members, got {_told(node)}")
        known = _fields_of(kind)
        values: dict[str, Any] = {}
        for key, member in node.value.items():
            field = known.get(key) if isinstance(key, str) else None
            if field is None:
                values["?"] = self._flaw(member, place, _unknown(key, known))
            else:
                values[field.name] = self.read(member, field.type, _join(place, field.name))
        missing = [name for name, field in known.items() if _missing(field, values)]
        if missing:
            values["?"] = self._flaw(node, place, f"{', '.join(missing)} missing")
        if any(value is _BROKEN for value in values.values()):
            return _BROKEN
        return self._make(node, kind, values, place)

    def _make(self, node: Marked, kind: type[Record], values: dict[str, Any], place: str) -> Any:
        try:
            return kind(**values)
        except SpecError as error:
            for complaint in error.complaints:
                self._flaw(node, place, complaint)
            return _BROKEN

    def _read_list(self, node: Marked, kind: Any, place: str) -> Any:
        if not isinstance(node.value, list):
            return self._flaw(node, place, f"expected a list, got {_told(node)}")
        items = [
            self.read(item, kind, f"{place}[{index}]") for index, item in enumerate(node.value)
        ]
        return _BROKEN if any(item is _BROKEN for item in items) else tuple(items)

    def _read_mapping(self, node: Marked, key_kind: Any, value_kind: Any, place: str) -> Any:
        if not isinstance(node.value, dict):
            return self._flaw(node, place, f"expected members, got {_told(node)}")
        found: dict[Any, Any] = {}
        for key, member in node.value.items():
            inner = f"{place}[{key}]"
            name = self._read_leaf(Marked(key, member.line), key_kind, inner)
            found[name] = self.read(member, value_kind, inner)
        return _BROKEN if _BROKEN in found or _BROKEN in found.values() else found

    def _read_leaf(self, node: Marked, kind: Any, place: str) -> Any:
        try:
            return msgspec.convert(node.plain(), kind, dec_hook=_decode)
        except msgspec.ValidationError as error:
            return self._flaw(node, place, _PLACE.sub("", str(error)))

    def _flaw(self, node: Marked, place: str, text: str) -> _Broken:
        self.flaws.append(Flaw(node.line, f"{place}: {text}" if place else text))
        return _BROKEN


@cache
def _fields_of(kind: type[Record]) -> dict[str, FieldInfo]:
    return {field.encode_name: field for field in fields(kind)}


def _missing(field: FieldInfo, values: dict[str, Any]) -> bool:
    return field.required and field.name not in values


def _unknown(key: object, known: dict[str, FieldInfo]) -> str:
    close = get_close_matches(str(key), known, n=1)
    hint = f", do you mean {close[0]}?" if close else f"; there are {', '.join(known)}"
    return f"unknown member {key}{hint}"


def _told(node: Marked) -> str:
    match node.value:
        case list():
            return "a list"
        case dict():
            return "members"
        case None:
            return "nothing"
        case scalar:
            return repr(scalar)


def _join(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name


# Any: msgspec hands over whatever the file holds, for whatever type it meets.
def _decode(kind: type[Any], value: Any) -> Any:
    if kind is not Hex:
        raise NotImplementedError(f"no way to read a {kind.__name__}")
    if not isinstance(value, str):
        raise ValueError(f'bytes are written as hex text in quotes, like "01 FF", not {value!r}')
    try:
        return Hex.fromhex(value)
    except ValueError:
        raise ValueError(f'{value!r} is no hex text like "01 FF"') from None
