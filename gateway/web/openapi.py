"""OpenAPI 3.1 documents from one table of operations and the records that validate bodies.

A door lists its operations as :class:`Operation` records. Bodies are the ``msgspec.Struct`` types
that the handlers read, so that what is written down is what is checked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from gateway.web.bodies import LooseText
from gateway.web.parameters import LARGEST

# Any: JSON Schema is JSON by nature.
Schema = dict[str, Any]

JSON = "application/json"

#: Every id in a path or query is a whole number of this kind, unless it says otherwise.
NUMBER: Schema = {"type": "integer", "minimum": 0, "maximum": LARGEST}
UUID_TEXT: Schema = {"type": "string", "format": "uuid"}
FLAG: Schema = {"type": "string", "enum": ["true", "false", "1", "0"]}
TEXT: Schema = {"type": "string", "maxLength": 255}

#: A parameter of a path, as routes write it: ``<connector_id>``, ``<int(max=9):ticket_id>``.
_IN_ROUTE = re.compile(r"<(?:[^:>]*:)?(\w+)>")
_IN_PATH = re.compile(r"{(\w+)}")


@dataclass(frozen=True, slots=True)
class Query:
    """A parameter of the query."""

    name: str
    schema: Schema
    required: bool = False


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one address.

    Attributes:
        name: unique within its document.
        method: upper case.
        path: parameters in braces, or as routes write them.
        summary: one line for people.
        tag: what it is about.
        body: the record it reads; ``None`` where it reads none.
        media: content type of its body.
        query: parameters of its query.
        status: of success.
        answer: name of a schema, or a schema; ``None`` where success has no body.
        answer_media: content type of success.
        public: it needs no token.
        optional_body: it may be left out.
        also: other statuses of success, with the same answer.
    """

    name: str
    method: str
    path: str
    summary: str
    tag: str
    body: type | None = None
    media: str = JSON
    query: tuple[Query, ...] = ()
    status: int = 200
    answer: str | Schema | None = None
    answer_media: str = JSON
    public: bool = False
    optional_body: bool = False
    also: tuple[int, ...] = ()

    @property
    def address(self) -> str:
        """The path with its parameters in braces."""
        return _IN_ROUTE.sub(r"{\1}", self.path)


@dataclass(frozen=True, slots=True)
class Described:
    """An API as its document shows it.

    Attributes:
        title: what people call it.
        operations: all of them.
        schemas: of answers, by name; ``Problem`` is one of them.
        parameters: schema of a path's parameter, by name; text where it is not here.
        refusals: statuses that any operation may have instead of success.
    """

    title: str
    operations: Sequence[Operation]
    schemas: Mapping[str, Schema]
    parameters: Mapping[str, Schema]
    refusals: tuple[int, ...]


#: A refusal as every door of ours sends it (RFC 9457).
PROBLEM: Schema = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "instance": {"type": "string"},
        "field": {"type": "string"},
    },
}

_REASONS = {
    400: "Something in the request is wrong; `field` names it.",
    401: "No token, or not a good one.",
    403: "Not for this caller.",
    404: "There is no such thing, or it is somebody else's.",
    405: "This address does not take this method.",
    409: "Not at this moment; the same request may succeed later.",
    413: "The body is too large.",
    429: "Too many attempts; `Retry-After` says when to come back.",
    503: "Something behind the gateway is away; `Retry-After` says when to come back.",
    504: "The vehicle did not answer, or not in time.",
}


def document(api: Described, version: str) -> Schema:
    """Return the document of an API.

    Raises:
        ValueError: two operations share a name or an address.
    """
    bodies = tuple({one.body for one in api.operations if one.body is not None})
    shapes, components = msgspec.json.schema_components(
        bodies, schema_hook=_loose, ref_template="#/components/schemas/{name}"
    )
    known = dict(zip(bodies, shapes, strict=True))
    paths: Schema = {}
    for operation in api.operations:
        methods = paths.setdefault(operation.address, {})
        if operation.method.lower() in methods:
            raise ValueError(f"{operation.method} {operation.address} is described twice")
        body = None if operation.body is None else known[operation.body]
        methods[operation.method.lower()] = _operation(api, operation, body)
    names = [one.name for one in api.operations]
    if len(set(names)) < len(names):
        raise ValueError(f"{api.title}: two operations share a name")
    return {
        "openapi": "3.1.0",
        "info": {"title": api.title, "version": version},
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "schemas": {**components, "Problem": PROBLEM, **api.schemas},
        },
    }


def _operation(api: Described, one: Operation, body: Schema | None) -> Schema:
    described: Schema = {
        "operationId": one.name,
        "tags": [one.tag],
        "summary": one.summary,
        "parameters": [*_path_parameters(api, one), *_query_parameters(one.query)],
        "responses": _responses(api, one),
    }
    if one.public:
        described["security"] = []
    if body is not None:
        required = not one.optional_body
        described["requestBody"] = {"required": required, "content": {one.media: {"schema": body}}}
    elif one.media != JSON:
        bytes_: Schema = {"schema": {"type": "string", "format": "binary"}}
        described["requestBody"] = {"required": True, "content": {one.media: bytes_}}
    return described


def _path_parameters(api: Described, one: Operation) -> Iterator[Schema]:
    for name in _IN_PATH.findall(one.address):
        schema = api.parameters.get(name, {"type": "string", "minLength": 1})
        yield {"name": name, "in": "path", "required": True, "schema": schema}


def _query_parameters(query: Iterable[Query]) -> Iterator[Schema]:
    for one in query:
        yield {"name": one.name, "in": "query", "required": one.required, "schema": one.schema}


def _responses(api: Described, one: Operation) -> Schema:
    success: Schema = {"description": "Done."}
    if one.answer is not None:
        named = isinstance(one.answer, str)
        schema = {"$ref": f"#/components/schemas/{one.answer}"} if named else one.answer
        success["content"] = {one.answer_media: {"schema": schema}}
    responses = {str(status): success for status in (one.status, *one.also)}
    if one.method == "GET" and one.answer_media == JSON:
        responses["304"] = {"description": "Not changed since the entity tag that was sent."}
    problem = {"schema": {"$ref": "#/components/schemas/Problem"}}
    for status in api.refusals:
        content = {"application/problem+json": problem}
        responses[str(status)] = {"description": _REASONS[status], "content": content}
    return responses


def _loose(kind: type) -> Schema:
    if kind is LooseText:
        return {"type": ["string", "number"]}
    raise NotImplementedError(f"no schema for {kind.__name__}")
