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
    Populated,
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
            "schemas": dict(_schemas(resources, actions)),
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
        for method in (action.method, *action.also):
            paths.setdefault(action.path, {})[method.lower()] = _action(action, method)
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
    if operation is Operation.READ:
        described["parameters"] += _populate_parameters(resource)
    if operation in {Operation.CREATE, Operation.CHANGE}:
        described["requestBody"] = _request_body(_input_schema(resource, operation))
    return described


def _action(action: Action, method: str) -> Schema:
    answer = _ref(action.answer) if isinstance(action.answer, Shape) else action.answer
    content = {} if answer is None else _content(answer, action.media)
    again = "With" + method.capitalize() if method != action.method else ""
    described: Schema = {
        "operationId": action.name + again,
        "tags": [action.tag or "other"],
        "summary": action.summary,
        "parameters": [*_action_parameters(action)],
        "responses": {str(action.status): {"description": "Done"} | content}
        | _errors(action.api, page=action.media == "text/html"),
    }
    if action.public:
        described["security"] = []
    if action.inputs:
        described["requestBody"] = _request_body(_action_body(action), action.accepts)
    return described


def _action_body(action: Action) -> Schema:
    required = [item.name for item in action.inputs if item.required]
    properties = {
        item.name: item.kind.schema() if item.required else _nullable(item.kind)
        for item in action.inputs
    }
    return _object(properties, required)


def _action_parameters(action: Action) -> Iterator[Schema]:
    for name in re.findall(r"{(\w+)}", action.path):
        kind = action.parameter(name)
        schema = {"type": "string"} if kind is None else kind.schema()
        yield {"name": name, "in": "path", "required": True, "schema": schema}
    for item in action.query:
        schema = item.kind.schema()
        yield {"name": item.name, "in": "query", "required": item.required, "schema": schema}


def _path_parameters(api: Api, path: str) -> Iterator[Schema]:
    for name in re.findall(r"{(\w+)}", path):
        schema = api.identifier.schema()
        yield {"name": name, "in": "path", "required": True, "schema": schema}


def _query_parameters(resource: Resource) -> Iterator[Schema]:
    for filter_ in resource.filters:
        one = filter_kind(resource, filter_).schema()
        several: Schema = {"anyOf": [one, {"type": "array", "items": one}]}
        schema = several if filter_.match in {Match.ANY, Match.AMONG, Match.HOLDS} else one
        yield {"name": filter_.name, "in": "query", "schema": schema}
    yield from _page_parameters(resource.profile)
    sorting = resource.profile.sorting
    if sorting is not None and resource.sortable:
        directions = [sorting.ascending, sorting.descending]
        names = list(resource.sortable)
        if not sorting.direction:
            names += [f"-{name}" for name in names]
        fields: Schema = {"type": "string", "enum": names}
        yield {"name": sorting.field, "in": "query", "schema": fields}
        if sorting.direction:
            schema = {"type": "string", "enum": directions}
            yield {"name": sorting.direction, "in": "query", "schema": schema}
        if sorting.json_list:
            listed: Schema = {"type": "string", "contentMediaType": "application/json"}
            yield {"name": sorting.json_list, "in": "query", "schema": listed}
    if resource.profile.conditions:
        text: Schema = {"type": "string", "contentMediaType": "application/json"}
        yield {"name": resource.profile.conditions, "in": "query", "schema": text}
    yield from _populate_parameters(resource)


def _populate_parameters(resource: Resource) -> Iterator[Schema]:
    if resource.populated and resource.profile.populate:
        named: Schema = {"type": "string", "enum": list(resource.populated)}
        schema: Schema = {"type": "array", "items": named}
        yield {"name": resource.profile.populate, "in": "query", "schema": schema}


def _page_parameters(profile: Profile) -> Iterator[Schema]:
    paging = profile.paging
    if paging is None:
        return
    if paging.offset_name:
        skipped: Schema = {"type": "integer", "minimum": 0, "maximum": MAX_PAGE, "default": 0}
        yield {"name": paging.offset_name, "in": "query", "schema": skipped}
    else:
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
            status, schema = profile.created, profile.document.schema(shown)
        case Operation.REMOVE:
            status, schema = profile.removed.value, profile.gone.schema(shown)
        case _:
            status, schema = 200, profile.document.schema(shown)
    empty = operation is Operation.REMOVE and profile.removed is Removed.EMPTY
    success = {"description": "Done"} | ({} if empty else _content(schema))
    return {str(status): success} | _errors(profile.api)


def _errors(api: Api, *, page: bool = False) -> Schema:
    """Return refusals by status; those of a page for people may be pages too."""
    told: Schema = {"text/html": {"schema": {"type": "string"}}} if page else {}
    return {
        str(status): {"description": "Refused", "content": told | _content(body)["content"]}
        for status, body in api.errors.items()
    }


def _content(schema: Schema, media: str = "application/json") -> Schema:
    return {"content": {media: {"schema": schema}}}


def _request_body(schema: Schema, media: str = "application/json") -> Schema:
    return {"required": bool(schema.get("required"))} | _content(schema, media)


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


def _schemas(
    resources: Iterable[Resource], actions: Iterable[Action]
) -> Iterator[tuple[str, Schema]]:
    able = [resource for resource in resources if resource.profile.populate]
    shown = {shape.name: r.populated for r in able for shape in (r.shape, r.full)}
    todo = [shape for r in resources for shape in (r.shape, r.full)]
    todo += [action.answer for action in actions if isinstance(action.answer, Shape)]
    while todo:
        shape = todo.pop()
        properties = {member.name: _member(shape, member) for member in shape.fields}
        for populated in shown.get(shape.name, {}).values():
            name = populated.beside or populated.member
            properties[name] = _populated(properties[populated.member], populated)
        yield shape.name, _object(properties, [])
        todo += shape.nested.values()


def _populated(reference: Schema, populated: Populated) -> Schema:
    """Return the schema of a reference that may be shown as the document it names."""
    document = _ref(populated.shape())
    several = [one for one in reference.get("anyOf", [reference]) if one.get("type") == "array"]
    if several:
        document = {"type": "array", "items": {"anyOf": [several[0]["items"], document]}}
    return {"anyOf": [reference, document]}


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
