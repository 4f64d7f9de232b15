"""The document of an API, made from the records that serve it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from gateway.backoffice.action import Action
from gateway.backoffice.declarations import Declarations
from gateway.backoffice.kinds import Kind, Schema
from gateway.backoffice.profile import MAX_PAGE, Api, Profile, Removed
from gateway.backoffice.query import filter_kind
from gateway.backoffice.resource import (
    Computed,
    Field,
    Input,
    Match,
    Nested,
    Operation,
    Resource,
    Shape,
)
from gateway.backoffice.routes import ROUTES, Route

_VERBS = {
    Operation.LIST: "List",
    Operation.READ: "Show",
    Operation.CREATE: "Create",
    Operation.CHANGE: "Change",
    Operation.REMOVE: "Remove",
}


def document(api: Api, declarations: Declarations, version: str) -> Schema:
    """Return the OpenAPI 3.1 document of ``api``; paths are relative to its mount."""
    resources = [r for r in declarations.resources if r.profile.api is api]
    actions = [action for action in declarations.actions if action.api is api]
    return {
        "openapi": "3.1.0",
        "info": {"title": api.title, "version": version},
        "servers": [{"url": api.mount + prefix} for prefix in api.prefixes],
        "security": [{name: []} for name in api.security],
        "paths": _paths(resources, actions),
        "components": {
            "securitySchemes": dict(api.security),
            "schemas": dict(_schemas(resources)),
        },
    }


def _paths(resources: Iterable[Resource], actions: Iterable[Action]) -> Schema:
    paths: Schema = {}
    for resource in resources:
        for route in ROUTES:
            if route.operation in resource.operations:
                path = resource.path + (f"/{{{resource.item}}}" if route.item else "")
                for method in route.methods:
                    if method != "HEAD":
                        paths.setdefault(path, {})[method.lower()] = _operation(
                            resource, route, path, method
                        )
    for action in actions:
        paths.setdefault(action.path, {})[action.method.lower()] = _action(action)
    return paths


def _operation(resource: Resource, route: Route, path: str, method: str) -> Schema:
    operation = route.operation
    words = resource.name.replace("_", " ")
    again = "With" + method.capitalize() if method != route.methods[0] else ""
    described: Schema = {
        "operationId": f"{operation.value}_{resource.name}{again}",
        "tags": [resource.ability],
        "summary": f"{_VERBS[operation]} {words}",
        "parameters": [*_path_parameters(resource.profile.api, path)],
        "responses": _responses(resource, operation),
    }
    if operation is Operation.LIST:
        described["parameters"] += _query_parameters(resource)
    if operation in {Operation.CREATE, Operation.CHANGE}:
        described["requestBody"] = _request_body(_input_schema(resource, operation))
    return described


def _action(action: Action) -> Schema:
    errors = _errors(action.api)
    content = {} if action.answer is None else _content(action.answer)
    described: Schema = {
        "operationId": action.name,
        "summary": action.summary,
        "parameters": [*_path_parameters(action.api, action.path)],
        "responses": {str(action.status): {"description": "Done"} | content} | errors,
    }
    if action.public:
        described["security"] = []
    if action.inputs:
        required = [item.name for item in action.inputs if item.required]
        properties = {item.name: item.kind.schema() for item in action.inputs}
        described["requestBody"] = _request_body(_object(properties, required))
    return described


def _path_parameters(api: Api, path: str) -> Iterator[Schema]:
    for name in re.findall(r"{(\w+)}", path):
        schema = api.identifier.schema()
        yield {"name": name, "in": "path", "required": True, "schema": schema}


def _query_parameters(resource: Resource) -> Iterator[Schema]:
    for filter_ in resource.filters:
        one = filter_kind(resource, filter_).schema()
        several: Schema = {"anyOf": [one, {"type": "array", "items": one}]}
        schema = several if filter_.match is Match.ANY else one
        yield {"name": filter_.name, "in": "query", "schema": schema}
    yield from _page_parameters(resource.profile)
    sorting = resource.profile.sorting
    if sorting is not None and resource.sortable:
        directions = [sorting.ascending, sorting.descending]
        fields: Schema = {"type": "string", "enum": list(resource.sortable)}
        yield {"name": sorting.field, "in": "query", "schema": fields}
        schema = {"type": "string", "enum": directions}
        yield {"name": sorting.direction, "in": "query", "schema": schema}


def _page_parameters(profile: Profile) -> Iterator[Schema]:
    paging = profile.paging
    if paging is None:
        return
    page: Schema = {"type": "integer", "minimum": 1, "maximum": MAX_PAGE, "default": 1}
    yield {"name": "page", "in": "query", "schema": page}
    if paging.size_name:
        size = {"type": "integer", "minimum": 1, "default": paging.default}
        size |= {"maximum": MAX_PAGE if paging.capped else paging.maximum}
        yield {"name": paging.size_name, "in": "query", "schema": size}


def _responses(resource: Resource, operation: Operation) -> Schema:
    profile = resource.profile
    shown = _ref(resource.full)
    match operation:
        case Operation.LIST:
            status, schema = 200, profile.page_schema(_ref(resource.shape))
        case Operation.CREATE:
            status, schema = profile.created, shown
        case Operation.REMOVE:
            status, schema = profile.removed.value, shown
        case _:
            status, schema = 200, shown
    empty = operation is Operation.REMOVE and profile.removed is Removed.EMPTY
    success = {"description": "Done"} | ({} if empty else _content(schema))
    return {str(status): success} | _errors(profile.api)


def _errors(api: Api) -> Schema:
    return {str(s): {"description": "Refused"} | _content(b) for s, b in api.errors.items()}


def _content(schema: Schema) -> Schema:
    return {"content": {"application/json": {"schema": schema}}}


def _request_body(schema: Schema) -> Schema:
    return {"required": bool(schema.get("required"))} | _content(schema)


def _input_schema(resource: Resource, operation: Operation) -> Schema:
    properties: Schema = {}
    required: list[str] = []
    items: tuple[Field | Input, ...] = (*resource.columns, *resource.extras)
    for item in items:
        if item.write.allows(operation):
            properties[item.name] = _input(resource, item)
            if item.required and operation is Operation.CREATE:
                required.append(item.name)
    return _object(properties, required)


def _input(resource: Resource, item: Field | Input) -> Schema:
    if isinstance(item, Input):
        return item.kind.schema() if item.required else _nullable(item.kind)
    column = resource.noun.by_name[item.source]
    kind = resource.shape.kind(item)
    return _nullable(kind) if column.null and not item.required else kind.schema()


def _schemas(resources: Iterable[Resource]) -> Iterator[tuple[str, Schema]]:
    todo = [shape for r in resources for shape in (r.shape, r.full)]
    while todo:
        shape = todo.pop()
        properties = {member.name: _member(shape, member) for member in shape.fields}
        yield shape.name, _object(properties, [])
        todo += shape.nested.values()


def _member(shape: Shape, member: Field | Computed | Nested) -> Schema:
    match member:
        case Computed():
            return member.schema
        case Nested() if member.many:
            return {"type": "array", "items": _ref(member.shape)}
        case Nested():
            return {"anyOf": [_ref(member.shape), {"type": "null"}]}
        case Field():
            column = shape.noun.by_name.get(member.source)
            may_be_null = member.source == "deleted_at" or (column is not None and column.null)
            kind = shape.kind(member)
            return _nullable(kind) if may_be_null and member.empty is None else kind.schema()


def _nullable(kind: Kind) -> Schema:
    return {"anyOf": [kind.schema(), {"type": "null"}]}


def _ref(shape: Shape) -> Schema:
    return {"$ref": f"#/components/schemas/{shape.name}"}


def _object(properties: Schema, required: list[str]) -> Schema:
    schema: Schema = {"type": "object", "properties": properties}
    return schema | ({"required": required} if required else {})
