"""List and read, once for all resources."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, String, cast, func, or_, select

from gateway.backoffice.asking import has_members, within_second
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
    conditions: dict[str, object] = {"id": identifier, **dict(resource.only)}
    if resource.parent is not None:
        conditions[resource.parent.column] = parent_id
    if resource.own:
        conditions[resource.own] = shop.user_id
    row = shop.find(resource.noun.name, **conditions)
    if row is None:
        raise absent(resource.name)
    return row


def hold_row(shop: Shop, resource: Resource, identifier: int, parent_id: int | None) -> Values:
    """Return the stored row, held against other writers; raises like :func:`find_row`.

    Who changes it at once waits, and finds it changed.
    """
    row = find_row(shop, resource, identifier, parent_id)
    shop.hold(resource.noun.name, row)
    return find_row(shop, resource, identifier, parent_id)


def read(shop: Shop, resource: Resource, identifier: int, parent_id: int | None) -> Rendered:
    """Return one document in full; raises like :func:`find_row`."""
    row = find_row(shop, resource, identifier, parent_id)
    return _rendered(shop, resource, resource.full, [row])[0]


def show(shop: Shop, shape: Shape, row: Values) -> Rendered:
    """Return the document that ``shape`` shows of a stored row, without null members left out."""
    return render(shape, with_relations(shop, shape, [row])[0], omit_null=False)


def show_all(shop: Shop, shape: Shape, rows: Sequence[Values]) -> list[Rendered]:
    """Return the documents of several rows."""
    return [render(shape, row, omit_null=False) for row in with_relations(shop, shape, rows)]


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
    rows = shop.rows(_paged(shop, resource, query, chosen, size))
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
        Row(row, {r.name: found[r.name].get(row[r.here], ()) for r in shape.relations}, shop.now)
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
    # Sorted here: asked for their order, SQLite goes through the garage's rows by id instead.
    found = sorted(shop.rows(query), key=lambda row: int(row["id"]), reverse=relation.newest_first)
    inner = shape.nested.get(relation.name)
    related = (
        [Row(row, {}, shop.now) for row in found]
        if inner is None
        else with_relations(shop, inner, found)
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
    table = shop.tables[resource.noun.name]
    chosen = chosen.where(*(table.c[name] == value for name, value in resource.only))
    if resource.own:
        chosen = chosen.where(table.c[resource.own] == shop.user_id)
    if resource.parent is not None:
        chosen = chosen.where(table.c[resource.parent.column] == parent_id)
    return chosen.where(*(_condition(shop, resource, f, value) for f, value in query.conditions))


def _ordered(shop: Shop, resource: Resource, query: ListQuery, chosen: Select[Any]) -> Select[Any]:
    columns = shop.tables[resource.noun.name].c
    return chosen.order_by(
        *(columns[name].desc() if down else columns[name].asc() for name, down in query.order)
    )


def _paged(
    shop: Shop, resource: Resource, query: ListQuery, chosen: Select[Any], size: int
) -> Select[Any]:
    # One more than the page holds tells whether another follows, without counting.
    skipped = query.offset + (query.number - 1) * size
    page = _ordered(shop, resource, query, chosen).limit(size + 1).offset(skipped)
    if not any(filter_.match in _SPANS for filter_, _ in query.conditions):
        return page
    # What a span finds lies in the order of its column and must be sorted: as ids out of the
    # index, and not as rows, of which all but a page are thrown away.
    column = shop.tables[resource.noun.name].c.id
    rows = shop.select(resource.noun.name).where(column.in_(page.with_only_columns(column)))
    return _ordered(shop, resource, query, rows)


def _count(shop: Shop, chosen: Select[Any]) -> int:
    counted = chosen.with_only_columns(func.count(), maintain_column_froms=True)
    return int(shop.connection.execute(counted).scalar_one())


def _condition(
    shop: Shop, resource: Resource, filter_: Filter, value: object
) -> ColumnElement[bool]:
    if filter_.match is Match.SEARCH:
        return or_(*(_holds(shop, resource, name, str(value)) for name in filter_.sources))
    if filter_.match is Match.RELATED:
        return _related_to(shop, resource, filter_.sources[0], lambda column: column == value)
    if filter_.match is Match.AMONG:
        wanted = value if isinstance(value, list) else [value]
        return _related_to(shop, resource, filter_.sources[0], lambda c: c.in_(wanted))
    column: ColumnElement[Any] = shop.tables[resource.noun.name].c[filter_.sources[0]]
    if filter_.match is Match.HOLDS:
        listed = cast(column, String)
        values = value if isinstance(value, list) else [value]
        return or_(*(listed.contains(f'"{text}"', autoescape=True) for text in values))
    if filter_.match is Match.ANY:
        values = value if isinstance(value, list) else [value]
        return column.in_(values if filter_.resolve is None else filter_.resolve(shop, values))
    return _COMPARED[filter_.match](column, value)


#: Matches that find a span of an index.
_SPANS = frozenset({Match.ABOVE, Match.BELOW, Match.FROM, Match.UNTIL, Match.POSITIVE})

#: How each match compares a column with a value.
_COMPARED: Mapping[Match, Callable[[ColumnElement[Any], object], ColumnElement[bool]]] = {
    Match.EQUAL: lambda column, value: column == value,
    Match.ABOVE: lambda column, value: column > value,
    Match.BELOW: lambda column, value: column < value,
    Match.FROM: lambda column, value: column >= value,
    Match.UNTIL: lambda column, value: column <= value,
    Match.POSITIVE: lambda column, value: column > 0 if value else column <= 0,
    Match.EMPTY: lambda column, value: column.is_(None) if value else column.is_not(None),
    Match.FLAG: lambda column, value: column.is_(True) if value else column.is_not(True),
    Match.OPPOSITE: lambda column, value: column.is_(False) if value else column.is_not(False),
    Match.SECOND: within_second,
    Match.MEMBERS: has_members,
}


def _holds(shop: Shop, resource: Resource, name: str, text: str) -> ColumnElement[bool]:
    """Return "column holds text", for an own column or for ``relation.column``."""
    table = shop.tables[resource.noun.name]
    relation_name, _, column = name.rpartition(".")
    if not relation_name:
        return table.c[column].icontains(text, autoescape=True)
    return _related_to(shop, resource, name, lambda found: found.icontains(text, autoescape=True))


def _related_to(
    shop: Shop,
    resource: Resource,
    name: str,
    test: Callable[[ColumnElement[Any]], ColumnElement[bool]],
) -> ColumnElement[bool]:
    """Return "some row of the relation passes the test", for ``relation.column``."""
    relation_name, _, column = name.rpartition(".")
    relation = next(r for r in resource.shape.relations if r.name == relation_name)
    other = shop.tables[relation.noun]
    matching = select(other.c[relation.there]).where(
        *shop.visible(other, removed=relation.removed),
        *(other.c[key] == only for key, only in relation.only),
        test(other.c[column]),
    )
    return shop.tables[resource.noun.name].c[relation.here].in_(matching)
