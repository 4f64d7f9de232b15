"""Query strings of lists: filters, order and page, checked against the declarations."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from gateway.backoffice.conditions import parse_conditions
from gateway.backoffice.kinds import Flag, Identifier, Kind, Text, Whole
from gateway.backoffice.nested import Many
from gateway.backoffice.profile import MAX_PAGE, Paging, Sorting
from gateway.backoffice.refusal import Unprocessable
from gateway.backoffice.resource import Filter, Input, Match, Resource

T = TypeVar("T")

#: A query string: name -> values as given.
Arguments = Mapping[str, list[str]]

#: ``[]`` or ``[12]`` behind a parameter's name.
_INDEX = re.compile(r"\[[0-9]{0,6}\]$")

#: More values than this in one filter are a mistake, or an attack on the query planner.
_MAX_VALUES = 200

_SEARCH = Text(200)
_FLAG = Flag()

#: (column, descending), most significant first.
Order = tuple[tuple[str, bool], ...]

_NO_ORDER: Order = ()
_NO_CONDITIONS: tuple[tuple[Filter, object], ...] = ()
_NO_NAMES: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ListQuery:
    """What a list was asked for.

    Attributes:
        conditions: filter and its value; a list of values for ``ANY``.
        order: (column, descending), most significant first.
        number: page, from 1.
        size: rows per page; 0 for all.
        offset: rows to skip before the first page.
        populate: references to be shown as documents.
    """

    conditions: tuple[tuple[Filter, object], ...]
    order: Order
    number: int
    size: int
    offset: int = 0
    populate: tuple[str, ...] = ()


def parse_query(resource: Resource, arguments: Arguments) -> ListQuery:
    """Return the checked query; parameters that nobody declared are ignored.

    Raises:
        Unprocessable: naming every parameter that is wrong.
    """
    errors: dict[str, list[str]] = {}
    arguments = _unbracketed(arguments)

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
    offset = collect("offset", partial(_offset, profile.paging, arguments), 0)
    if any(arguments.get(profile.conditions, [])):
        text = arguments[profile.conditions][-1]
        conditions += collect(
            profile.conditions, partial(parse_conditions, resource, text), _NO_CONDITIONS
        )
    populate = collect(profile.populate, partial(parse_populated, resource, arguments), _NO_NAMES)
    if errors:
        raise Unprocessable(errors)
    return ListQuery(conditions, order, number, size, offset, populate)


def parse_populated(resource: Resource, arguments: Arguments) -> tuple[str, ...]:
    """Return the references to show as documents; names of none are ignored.

    Raises:
        ValueError: it looks like a JSON list and is none.
    """
    given = _unbracketed(arguments).get(resource.profile.populate, [])
    return tuple(name for name in _texts(given) if name in resource.populated)


def _unbracketed(arguments: Arguments) -> Arguments:
    """Take ``name[]`` and ``name[0]`` for ``name``: all are how clients repeat a parameter."""
    found: dict[str, list[str]] = {}
    for name, values in arguments.items():
        found.setdefault(_INDEX.sub("", name), []).extend(values)
    return found


def parse_inputs(inputs: tuple[Input, ...], arguments: Arguments) -> dict[str, object]:
    """Return an action's query parameters, checked; raises like :func:`parse_query`."""
    values: dict[str, object] = {}
    errors: dict[str, list[str]] = {}
    arguments = _unbracketed(arguments)
    for item in inputs:
        given = [text for text in arguments.get(item.name, []) if text]
        try:
            if given and isinstance(item.kind, Many):
                values[item.name] = item.kind.parse(_texts(given))
            elif given:
                values[item.name] = item.kind.read(given[-1])
            elif item.required:
                raise ValueError("is required.")
        except ValueError as error:
            errors[item.name] = [f"The {item.name} parameter {error}"]
    if errors:
        raise Unprocessable(errors)
    return values


def filter_kind(resource: Resource, filter_: Filter) -> Kind:
    """Return how a filter's value is spelled."""
    if filter_.match is Match.SEARCH:
        return _SEARCH
    if filter_.match in {Match.POSITIVE, Match.EMPTY, Match.FLAG, Match.OPPOSITE}:
        return _FLAG
    if filter_.match is Match.HOLDS and filter_.kind is None:
        return _SEARCH
    if filter_.match in {Match.RELATED, Match.AMONG} and filter_.kind is None:
        return Identifier()
    return filter_.kind or resource.noun.kinds[filter_.sources[0]]


def _filter_value(resource: Resource, filter_: Filter, arguments: Arguments) -> object:
    kind = filter_kind(resource, filter_)
    given = arguments[filter_.name]
    if filter_.match not in {Match.ANY, Match.AMONG, Match.HOLDS}:
        return kind.read(given[-1])
    texts = _texts(given)
    if len(texts) > _MAX_VALUES:
        raise ValueError(f"must not have more than {_MAX_VALUES} values.")
    return [kind.read(text) for text in texts]


def _texts(given: list[str]) -> list[str]:
    """Return the values of a repeated parameter, or of one that is a list by itself."""
    return _json_texts(given[0]) if len(given) == 1 else given


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
    direction = None if asked or sorting is None else _direction(sorting, arguments)
    if direction is not None:
        own = [(name, direction) for name, _ in own]
    chosen = [(resource.sortable[name], down) for name, down in asked] or own
    # The id breaks ties, or rows would move between pages.
    tie = [] if any(column == "id" for column, _ in chosen) else [("id", chosen[0][1])]
    return tuple(chosen + tie)


def _direction(sorting: Sorting, arguments: Arguments) -> bool | None:
    """Return whether a direction given without a field is descending; ``None`` without one."""
    given = arguments.get(sorting.direction, []) if sorting.direction else []
    if not any(given):
        return None
    if given[0] not in {sorting.ascending, sorting.descending}:
        raise ValueError(f"goes {sorting.ascending} or {sorting.descending}.")
    return given[0] == sorting.descending


def _asked_order(sorting: Sorting, arguments: Arguments) -> list[tuple[str, bool]]:
    if sorting.json_list and arguments.get(sorting.json_list):
        return [_json_order(item) for item in _json_list(arguments[sorting.json_list][0])]
    if not arguments.get(sorting.field):
        return []
    field = arguments[sorting.field][0]
    if not sorting.direction:
        return [(field.removeprefix("-"), field.startswith("-"))]
    usual = sorting.descending if sorting.downwards else sorting.ascending
    direction = arguments.get(sorting.direction, [usual])[0]
    if direction not in {sorting.ascending, sorting.descending}:
        raise ValueError(f"goes {sorting.ascending} or {sorting.descending}.")
    return [(field, direction == sorting.descending)]


def _json_order(item: object) -> tuple[str, bool]:
    match item:
        case {"field": str(name), "type": "asc" | "desc" as direction}:
            return name, direction == "desc"
        case _:
            raise ValueError('must be a list of {"field", "type": "asc" | "desc"}.')


def _page(paging: Paging | None, arguments: Arguments) -> int:
    if paging is None or paging.offset_name or not any(arguments.get("page", [])):
        return 1
    return Whole(1, MAX_PAGE).parse(arguments["page"][-1])


def _offset(paging: Paging | None, arguments: Arguments) -> int:
    given = arguments.get(paging.offset_name, []) if paging and paging.offset_name else []
    return Whole(0, MAX_PAGE).parse(given[-1]) if any(given) else 0


def _size(paging: Paging | None, arguments: Arguments) -> int:
    if paging is None:
        return 0
    given = arguments.get(paging.size_name, [])
    if not paging.size_name or not any(given):
        return paging.default
    most = MAX_PAGE if paging.capped else paging.maximum
    return min(Whole(1, most).parse(given[-1]), paging.maximum)
