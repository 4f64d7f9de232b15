"""Operations of field sales that are more than the five: each a rule in one transaction."""

from __future__ import annotations

from collections.abc import Callable

from gateway.backoffice.action import Action, RowRule, Rule, in_shop
from gateway.backoffice.catalogue.field_sales.cells import ids
from gateway.backoffice.kinds import Schema
from gateway.backoffice.profile import Wrap
from gateway.backoffice.profiles.field_sales import FIELD_SALES, SUCCESS, SUCCESS_DATA
from gateway.backoffice.reading import find_row, read
from gateway.backoffice.resource import Input, Resource
from gateway.backoffice.shop import Shop, Values
from gateway.backoffice.writing import remove

TEXT: Schema = {"type": "string"}
WHOLE: Schema = {"type": "integer"}
NUMBER: Schema = {"type": "number"}
OBJECT: Schema = {"type": "object"}


def answer(**members: Schema) -> Schema:
    """Return the schema of an object with these members."""
    return {"type": "object", "properties": members, "required": list(members)}


def many(schema: Schema) -> Schema:
    """Return the schema of a list."""
    return {"type": "array", "items": schema}


def on_one(
    resource: Resource,
    name: str,
    path: str,
    rule: RowRule,
    summary: str,
    *,
    method: str = "POST",
    inputs: tuple[Input, ...] = (),
    shows: Schema | None = None,
) -> Action:
    """Return what is done with one document; ``path`` follows the list's and holds ``{id}``.

    The row is held against other writers. A rule that returns ``None`` answers the document.
    """

    def apply(shop: Shop, values: Values) -> object:
        identifier = values.pop("id")
        find_row(shop, resource, identifier, None)
        shop.lock(resource.noun.name, identifier)
        done = rule(shop, find_row(shop, resource, identifier, None), values)
        return read(shop, resource, identifier, None) if done is None else done

    schema = shows or {"$ref": f"#/components/schemas/{resource.full.name}"}
    return on_all(
        resource.path + path,
        name,
        apply,
        summary,
        method=method,
        inputs=inputs,
        shows=schema,
        also=("PUT",) if method == "PATCH" else (),
        ability=resource.ability,
    )


def on_all(
    path: str,
    name: str,
    rule: Rule,
    summary: str,
    *,
    method: str = "POST",
    inputs: tuple[Input, ...] = (),
    query: tuple[Input, ...] = (),
    shows: Schema,
    wrap: Wrap = SUCCESS_DATA,
    also: tuple[str, ...] = (),
    ability: str = "",
    writes: bool | None = None,
) -> Action:
    """Return what is done with, or told of, all documents of a kind.

    Args:
        path: whole.
        name: of the operation.
        rule: does it in a transaction.
        summary: for the document.
        method: of HTTP.
        inputs: members of the body.
        query: parameters.
        shows: schema of what stands within ``wrap``.
        wrap: around the answer.
        also: further methods.
        ability: that the token needs; the path's first segment otherwise.
        writes: whether it needs a transaction that writes; by its method when not given.
    """
    changing = method != "GET" if writes is None else writes
    ability = ability or path.split("/")[1]
    return Action(
        name,
        FIELD_SALES,
        method,
        path,
        summary,
        wrap.schema(shows),
        in_shop(_wrapped(rule, wrap), writes=changing),
        inputs,
        query,
        ability=f"{ability}:{'read' if method == 'GET' else 'write'}",
        also=also,
        tag=ability,
    )


def _wrapped(rule: Rule, wrap: Wrap) -> Callable[[Shop, Values], object]:
    return lambda shop, values: wrap.value(rule(shop, values))


def removal(resource: Resource, name: str) -> Action:
    """Return the removal of several documents at once: all of them or none."""

    def apply(shop: Shop, values: Values) -> object:
        for key in dict.fromkeys(values["ids"]):
            remove(shop, resource, int(key, 16), None)
        return {}

    return on_all(
        f"{resource.path}/remove",
        name,
        apply,
        f"Remove several of {resource.name.replace('_', ' ')}",
        inputs=(Input("ids", ids(resource.noun.name), required=True),),
        shows=OBJECT,
        wrap=SUCCESS,
        ability=resource.ability,
    )
