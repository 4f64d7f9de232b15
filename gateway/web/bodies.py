"""Request bodies as typed records, or a refusal that names the field.

Records are ``msgspec.Struct`` types; their annotations are the validation. Nothing a client can
put in a body gets further than here: not malformed JSON, not a wrong type, not a NUL character
(which PostgreSQL cannot store), not a nesting that exhausts the stack.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, TypeVar

import msgspec
from quart import Request

from gateway.domain.errors import Invalid

T = TypeVar("T")

#: A row id as clients send it: what a signed 64-bit column can hold.
RowId = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]

#: msgspec's messages end with the place, ``- at `$.lines[0].id` ``, or name the field in quotes.
_PLACE = re.compile(r" - (?:at `\$\.?(?P<path>[^`]*)`|at `key.*)$")
_NAMED_FIELD = re.compile(r"^Object (?:missing required|contains unknown) field `(?P<name>[^`]*)`")


class LooseText(str):
    """Text that some clients send as a number (phone, item number): both become text."""

    __slots__ = ()


async def read_json(request: Request, kind: type[T], *, lax: bool = False) -> T:
    """Return the JSON body as ``kind``.

    Args:
        request: the current request.
        kind: a ``msgspec.Struct``, or any type msgspec can convert to.
        lax: take numbers and booleans written as text (``"12"``) for what they mean.

    Raises:
        Invalid: no body, not JSON, or not of this shape; ``field`` names the place.
    """
    data = await request.get_data(cache=False, as_text=False, parse_form_data=False)
    if not data.strip():
        raise Invalid("body.missing", "This request needs a JSON body. Send one.")
    return from_json(data, kind, lax=lax)


async def read_form(request: Request, kind: type[T]) -> T:
    """Return the form body (``application/x-www-form-urlencoded``) as ``kind``.

    Raises:
        Invalid: a field is absent or not of its type; ``field`` names it.
    """
    form = await request.form
    fields = {name: form[name] for name in form}
    _refuse_nul(fields)
    return convert(fields, kind, lax=True)


def from_json(data: bytes, kind: type[T], *, lax: bool = False) -> T:
    """Return JSON text as ``kind``; websocket doors use it for their messages.

    Raises:
        Invalid: as :func:`read_json`.
    """
    try:
        document = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise Invalid("body.malformed", f"The body is not JSON: {reason}.") from error
    # The escape is the only way a NUL can stand in JSON; without it nothing needs walking.
    if b"\\u0000" in data:
        _refuse_nul(document)
    return convert(document, kind, lax=lax)


# Any: the document is untyped until msgspec has converted it.
def convert(document: Any, kind: type[T], *, lax: bool = False) -> T:
    """Return plain lists, dicts and values as ``kind``.

    Raises:
        Invalid: as :func:`read_json`.
    """
    try:
        return msgspec.convert(document, kind, strict=not lax, dec_hook=_loose)
    except msgspec.ValidationError as error:
        raise _invalid(str(error)) from error


def _invalid(message: str) -> Invalid:
    place = _PLACE.search(message)
    reason = message[: place.start()] if place else message
    path = (place["path"] or "") if place else ""
    named = _NAMED_FIELD.match(reason)
    if named:
        path = f"{path}.{named['name']}" if path else named["name"]
    where = f"`{path}`: " if path else ""
    return Invalid("body.field", f"{where}{reason}.", field=path or None)


def _loose(kind: type, value: object) -> LooseText:
    if kind is not LooseText:
        raise NotImplementedError(f"no rule for fields of type {kind.__name__}")
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return LooseText(value)
    raise ValueError(f"Expected `str`, got `{type(value).__name__}`")


def _refuse_nul(value: object, path: str = "") -> None:
    if isinstance(value, str) and "\0" in value:
        detail = "Text must not contain the NUL character. Leave it out."
        raise Invalid("body.text", detail, field=path or None)
    if isinstance(value, dict):
        for name, member in value.items():
            inner = f"{path}.{name}" if path else str(name)
            _refuse_nul(name, inner.replace("\0", "\\0"))
            _refuse_nul(member, inner)
    if isinstance(value, list):
        for index, member in enumerate(value):
            _refuse_nul(member, f"{path}[{index}]")
