"""List and read, once for all resources."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select

from gateway.backoffice.query import ListQuery
from gateway.backoffice.resource import (
    Computed,
    Field,
    Filter,
    Match,
    Nested,
    Relation,
    Resource,
    Row,
    Shape,
)
from gateway.backoffice.shop import Shop, Values
from gateway.domain.errors import NotFound

#: A document as the JSON encoder takes it.
Rendered = dict[str, object]

#: Rows of one parent are listed whole; beyond this something else is wrong.
_MOST_UNPAGED = 1_000


def find_row(shop: Shop, resource: Resource, identifier: int, parent_id: int | None) -> Values:
    """Return the stored row.

    Raises:
        NotFound: there is none, or it is another garage's, or another parent's.
    """
    conditions: dict[str, object] = {"id": identifier}
    if resource.parent is not None:
        conditions[resource.parent.column] = parent_id
    row = shop.find(resource.noun.name, **conditions)
    if row is None:
        raise absent(resource.name)
    return row


def read(shop: Shop, resource: Resource, identifier: int, parent_id: int | None) -> Rendered:
    """Return one document in full; raises like :func:`find_row`."""
    row = find_row(shop, resource, identifier, parent_id)
    return _rendered(shop, resource, resource.full, [row])[0]


def read_list(
    shop: Shop, resource: Resource, query: ListQuery, parent_id: int | None
) -> tuple[list[Rendered], bool, int | None]:
    """Return the page's documents, whether more follow, and the total where it is counted.

    Raises:
        NotFound: the parent is not this garage's.
    """
    check_parent(shop, resource, parent_id)
    chosen = _chosen(shop, resource, query, parent_id)
    total = _count(shop, chosen) if resource.profile.counted else None
    size = query.size or _MOST_UNPAGED
    # One more than the page holds tells whether another follows, without counting.
    ordered = _ordered(shop, resource, query, chosen)
    rows = shop.rows(ordered.limit(size + 1).offset((query.number - 1) * size))
    return _rendered(shop, resource, resource.shape, rows[:size]), len(rows) > size, total


def check_parent(shop: Shop, resource: Resource, parent_id: int | None) -> None:
    """Refuse a parent that is not there; raises ``NotFound``."""
    parent = resource.parent
    if parent is not None and shop.find(parent.noun, id=parent_id) is None:
        raise absent(parent.noun)


def absent(name: str) -> NotFound:
    """Return the answer for what is not there, and for what is somebody else's."""
    return NotFound("backoffice.not_found", f"No such {name.replace('_', ' ')}.")


def with_relations(shop: Shop, shape: Shape, rows: Sequence[Values]) -> list[Row]:
    """Return ``rows`` with their relations, one query for each relation whatever the count."""
    found = {relation.name: _related(shop, shape, relation, rows) for relation in shape.relations}
    return [
        Row(row, {r.name: found[r.name].get(row[r.here], ()) for r in shape.relations})
        for row in rows
    ]


def render(shape: Shape, row: Row, *, omit_null: bool) -> Rendered:
    """Return the document that ``shape`` shows of ``row``."""
    shown = {member.name: _member(shape, member, row, omit_null) for member in shape.fields}
    if omit_null:
        return {name: value for name, value in shown.items() if value is not None}
    return shown


def _rendered(
    shop: Shop, resource: Resource, shape: Shape, rows: Sequence[Values]
) -> list[Rendered]:
    omit_null = resource.profile.omit_null
    return [render(shape, row, omit_null=omit_null) for row in with_relations(shop, shape, rows)]


def _member(shape: Shape, member: Field | Computed | Nested, row: Row, omit_null: bool) -> object:
    match member:
        case Field():
            value = row.values[member.source]
            return member.empty if value is None else shape.kind(member).render(value)
        case Computed():
            return member.compute(row)
        case Nested():
            related = row.related[member.relation]
            documents = [render(member.shape, each, omit_null=omit_null) for each in related]
            return documents if member.many else next(iter(documents), None)


def _related(
    shop: Shop, shape: Shape, relation: Relation, rows: Sequence[Values]
) -> dict[object, tuple[Row, ...]]:
    keys = {row[relation.here] for row in rows} - {None}
    if not keys:
        return {}
    table = shop.tables[relation.noun]
    query = shop.select(relation.noun, removed=relation.removed).where(
        table.c[relation.there].in_(sorted(keys)),
        *(table.c[name] == value for name, value in relation.only),
    )
    order = table.c.id.desc() if relation.newest_first else table.c.id
    found = shop.rows(query.order_by(order))
    inner = shape.nested.get(relation.name)
    related = (
        [Row(row, {}) for row in found] if inner is None else with_relations(shop, inner, found)
    )
    groups: defaultdict[object, list[Row]] = defaultdict(list)
    for row in related:
        groups[row.values[relation.there]].append(row)
    return {key: tuple(group) for key, group in groups.items()}


# Any below: Select is generic in row types that tables built at run time do not tell.
def _chosen(
    shop: Shop, resource: Resource, query: ListQuery, parent_id: int | None
) -> Select[Any]:
    chosen = shop.select(resource.noun.name)
    if resource.parent is not None:
        table = shop.tables[resource.noun.name]
        chosen = chosen.where(table.c[resource.parent.column] == parent_id)
    return chosen.where(*(_condition(shop, resource, f, value) for f, value in query.conditions))


def _ordered(shop: Shop, resource: Resource, query: ListQuery, chosen: Select[Any]) -> Select[Any]:
    columns = shop.tables[resource.noun.name].c
    return chosen.order_by(
        *(columns[name].desc() if down else columns[name].asc() for name, down in query.order)
    )


def _count(shop: Shop, chosen: Select[Any]) -> int:
    counted = chosen.with_only_columns(func.count(), maintain_column_froms=True)
    return int(shop.connection.execute(counted).scalar_one())


def _condition(
    shop: Shop, resource: Resource, filter_: Filter, value: object
) -> ColumnElement[bool]:
    if filter_.match is Match.SEARCH:
        return or_(*(_holds(shop, resource, name, str(value)) for name in filter_.sources))
    column: ColumnElement[Any] = shop.tables[resource.noun.name].c[filter_.sources[0]]
    if filter_.match is Match.ANY:
        return column.in_(value if isinstance(value, list) else [value])
    if filter_.match is Match.ABOVE:
        return column > value
    return column < value if filter_.match is Match.BELOW else column == value


def _holds(shop: Shop, resource: Resource, name: str, text: str) -> ColumnElement[bool]:
    """Return "column holds text", for an own column or for ``relation.column``."""
    table = shop.tables[resource.noun.name]
    relation_name, _, column = name.rpartition(".")
    if not relation_name:
        return table.c[column].icontains(text, autoescape=True)
    relation = next(r for r in resource.shape.relations if r.name == relation_name)
    other = shop.tables[relation.noun]
    matching = select(other.c[relation.there]).where(
        *shop.visible(other, removed=relation.removed),
        *(other.c[key] == only for key, only in relation.only),
        other.c[column].icontains(text, autoescape=True),
    )
    return table.c[relation.here].in_(matching)
