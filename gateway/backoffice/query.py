"""Query strings of lists: filters, order and page, checked against the declarations."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from gateway.backoffice.kinds import Kind, Text, Whole
from gateway.backoffice.profile import MAX_PAGE, Paging, Sorting
from gateway.backoffice.refusal import Unprocessable
from gateway.backoffice.resource import Filter, Match, Resource

T = TypeVar("T")

#: A query string: name -> values as given.
Arguments = Mapping[str, list[str]]

#: More values than this in one filter are a mistake, or an attack on the query planner.
_MAX_VALUES = 200

_SEARCH = Text(200)

#: (column, descending), most significant first.
Order = tuple[tuple[str, bool], ...]

_NO_ORDER: Order = ()


@dataclass(frozen=True, slots=True)
class ListQuery:
    """What a list was asked for.

    Attributes:
        conditions: filter and its value; a list of values for ``ANY``.
        order: (column, descending), most significant first.
        number: page, from 1.
        size: rows per page; 0 for all.
    """

    conditions: tuple[tuple[Filter, object], ...]
    order: Order
    number: int
    size: int


def parse_query(resource: Resource, arguments: Arguments) -> ListQuery:
    """Return the checked query; parameters that nobody declared are ignored.

    Raises:
        Unprocessable: naming every parameter that is wrong.
    """
    errors: dict[str, list[str]] = {}

    def collect(name: str, read: Callable[[], T], otherwise: T) -> T:
        try:
            return read()
        except ValueError as error:
            errors[name] = [f"The {name} parameter {error}"]
            return otherwise

    given = [f for f in resource.filters if any(arguments.get(f.name, []))]
    conditions = tuple(
        (f, collect(f.name, partial(_filter_value, resource, f, arguments), None)) for f in given
    )
    profile = resource.profile
    order = collect("sort", partial(_order, resource, profile.sorting, arguments), _NO_ORDER)
    number = collect("page", partial(_page, profile.paging, arguments), 1)
    size = collect("per_page", partial(_size, profile.paging, arguments), 0)
    if errors:
        raise Unprocessable(errors)
    return ListQuery(conditions, order, number, size)


def filter_kind(resource: Resource, filter_: Filter) -> Kind:
    """Return how a filter's value is spelled."""
    if filter_.match is Match.SEARCH:
        return _SEARCH
    return filter_.kind or resource.noun.kinds[filter_.sources[0]]


def _filter_value(resource: Resource, filter_: Filter, arguments: Arguments) -> object:
    kind = filter_kind(resource, filter_)
    given = arguments[filter_.name]
    if filter_.match is not Match.ANY:
        return kind.read(given[-1])
    texts = _json_texts(given[0]) if len(given) == 1 else given
    if len(texts) > _MAX_VALUES:
        raise ValueError(f"must not have more than {_MAX_VALUES} values.")
    return [kind.read(text) for text in texts]


def _json_texts(text: str) -> list[str]:
    """Read ``["a", "b"]``, the way one SDK sends lists; anything else is one value."""
    if not text.startswith("["):
        return [text]
    items = _json_list(text)
    return [item if isinstance(item, str) else json.dumps(item) for item in items]


def _json_list(text: str) -> list[object]:
    try:
        items = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("must be a JSON list.") from None
    if not isinstance(items, list):
        raise ValueError("must be a JSON list.")
    return items


def _order(resource: Resource, sorting: Sorting | None, arguments: Arguments) -> Order:
    asked = [] if sorting is None else _asked_order(sorting, arguments)
    unknown = [name for name, _ in asked if name not in resource.sortable]
    if unknown:
        raise ValueError(f"knows {', '.join(resource.sortable) or 'no field'}.")
    own = [(name.removeprefix("-"), name.startswith("-")) for name in resource.order]
    chosen = [(resource.sortable[name], down) for name, down in asked] or own
    # The id breaks ties, or rows would move between pages.
    tie = [] if any(column == "id" for column, _ in chosen) else [("id", chosen[0][1])]
    return tuple(chosen + tie)


def _asked_order(sorting: Sorting, arguments: Arguments) -> list[tuple[str, bool]]:
    if sorting.json_list and arguments.get(sorting.json_list):
        return [_json_order(item) for item in _json_list(arguments[sorting.json_list][0])]
    if not arguments.get(sorting.field):
        return []
    direction = arguments.get(sorting.direction, [sorting.ascending])[0]
    if direction not in {sorting.ascending, sorting.descending}:
        raise ValueError(f"goes {sorting.ascending} or {sorting.descending}.")
    return [(arguments[sorting.field][0], direction == sorting.descending)]


def _json_order(item: object) -> tuple[str, bool]:
    match item:
        case {"field": str(name), "type": "asc" | "desc" as direction}:
            return name, direction == "desc"
        case _:
            raise ValueError('must be a list of {"field", "type": "asc" | "desc"}.')


def _page(paging: Paging | None, arguments: Arguments) -> int:
    if paging is None or not any(arguments.get("page", [])):
        return 1
    return Whole(1, MAX_PAGE).parse(arguments["page"][-1])


def _size(paging: Paging | None, arguments: Arguments) -> int:
    if paging is None:
        return 0
    given = arguments.get(paging.size_name, [])
    if not paging.size_name or not any(given):
        return paging.default
    most = MAX_PAGE if paging.capped else paging.maximum
    return min(Whole(1, most).parse(given[-1]), paging.maximum)
