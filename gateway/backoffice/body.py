"""Request bodies: bytes -> JSON object -> checked values by column."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import NoReturn

from werkzeug.datastructures import FileStorage

from gateway.backoffice.kinds import Kind, Ref
from gateway.backoffice.records import File, MemberErrors
from gateway.backoffice.refusal import Unprocessable
from gateway.backoffice.resource import Field, Input, Operation, Resource
from gateway.backoffice.shop import Shop, Values
from gateway.domain.errors import Invalid

#: A JSON object as read, decimals exact.
Body = Mapping[str, object]


def decode(data: bytes) -> Body:
    """Return the JSON object in ``data``; nothing at all counts as an empty one.

    Raises:
        Invalid: it is not JSON, or not an object.
    """
    if not data.strip():
        return {}
    try:
        # Fractions as Decimal: a float has already lost the half cent that rounding needs.
        body = json.loads(data, parse_float=Decimal, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise Invalid("backoffice.json", f"The body is not valid JSON: {error}.") from None
    if not isinstance(body, dict):
        raise Invalid("backoffice.json", "The body must be a JSON object.")
    return body


def form_body(fields: Iterable[tuple[str, str]], files: Iterable[tuple[str, FileStorage]]) -> Body:
    """Return a multipart body as an object; ``name[]`` makes a list, files come as ``File``."""
    body: dict[str, object] = {}
    parts: list[tuple[str, object]] = [*fields]
    for name, part in files:
        media = part.mimetype or "application/octet-stream"
        parts.append((name, File(part.filename or name, media, part.stream.read())))
    for name, value in parts:
        if name.endswith("[]"):
            several = body.setdefault(name.removesuffix("[]"), [])
            if isinstance(several, list):
                several.append(value)
        elif name != "_method":
            body[name] = value
    return body


def values_of(
    resource: Resource, operation: Operation, body: Body, *, whole: bool = False
) -> Values:
    """Return the writable members of ``body``, by column or by input name.

    A change takes what is given and nothing else: defaults belong to creation. A ``whole`` one
    must give what a creation must.

    Raises:
        Unprocessable: naming every member that is missing or wrong.
    """
    values: Values = {}
    errors: dict[str, list[str]] = {}
    for name, column, kind, required, null in _writable(resource, operation, whole=whole):
        try:
            if name in body:
                values[column] = _value(kind, body[name], null=null)
            elif required:
                raise ValueError("is required.")
        except ValueError as error:
            errors |= _told(name, error)
    if errors:
        raise Unprocessable(errors)
    return values


def inputs_of(inputs: tuple[Input, ...], body: Body) -> Values:
    """Return the members of an action's body; raises like :func:`values_of`."""
    values: Values = {}
    errors: dict[str, list[str]] = {}
    for item in inputs:
        try:
            if item.name in body:
                values[item.name] = _value(item.kind, body[item.name], null=not item.required)
            elif item.required:
                raise ValueError("is required.")
        except ValueError as error:
            errors |= _told(item.name, error)
    if errors:
        raise Unprocessable(errors)
    return values


def check_stored(shop: Shop, resource: Resource, values: Values, own_id: int | None) -> None:
    """Refuse references to rows that are not this garage's, and values that must be unique.

    Raises:
        Unprocessable: naming every such field.
    """
    errors: dict[str, list[str]] = {}
    for field in resource.columns:
        value = values.get(field.source)
        if value is None:
            continue
        kind = resource.noun.kinds[field.source]
        if isinstance(kind, Ref) and shop.find(kind.noun, id=value) is None:
            errors[field.name] = [f"The selected {field.name} is invalid."]
        if _is_unique(resource, field) and _taken(shop, resource, field, value, own_id):
            errors[field.name] = [f"The {field.name} has already been taken."]
    if errors:
        raise Unprocessable(errors)


def _writable(
    resource: Resource, operation: Operation, *, whole: bool
) -> Iterator[tuple[str, str, Kind, bool, bool]]:
    """Yield (name, key, kind, required, may be null) of each member a body may give."""
    creating = whole or operation is Operation.CREATE
    for field in resource.columns:
        column = resource.noun.by_name[field.source]
        if field.write.allows(operation):
            required = field.required and creating
            kind = resource.shape.kind(field)
            yield field.name, field.source, kind, required, column.null and not field.required
    for item in resource.extras:
        if item.write.allows(operation):
            yield item.name, item.name, item.kind, item.required and creating, not item.required


def _told(name: str, error: ValueError) -> dict[str, list[str]]:
    """Return field -> sentences; members of lists are named by their path, ``lines.0.qty``."""
    inner = error.errors if isinstance(error, MemberErrors) else {"": str(error)}
    paths = {f"{name}.{path}".rstrip("."): told for path, told in inner.items()}
    return {path: [f"The {path} field {told}"] for path, told in paths.items()}


def _value(kind: Kind, value: object, *, null: bool) -> object:
    if value is not None:
        return kind.parse(value)
    if not null:
        raise ValueError("must not be null.")
    return None


def _is_unique(resource: Resource, field: Field) -> bool:
    return resource.noun.by_name[field.source].unique


def _taken(
    shop: Shop, resource: Resource, field: Field, value: object, own_id: int | None
) -> bool:
    holder = shop.find_ever(resource.noun.name, **{field.source: value})
    return holder is not None and holder["id"] != own_id


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
