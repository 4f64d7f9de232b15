"""Conditions of a list as one JSON object, for APIs that ask so.

``{"status": "pending", "supplier": ["...", "..."], "cost": {"gte": 5, "lt": 10}}``: a value must
be equal, of a list any will do, an object compares (``eq in gt gte lt lte contains``, with or
without ``$`` in front). Any plain member of the document can be asked for.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal

from gateway.backoffice.kinds import Document, Kind, Text
from gateway.backoffice.resource import Field, Filter, Match, Resource
from gateway.storage.columns import Json

#: A filter and the value it compares with.
Condition = tuple[Filter, object]

#: More of them are a mistake, or an attack on the query planner.
_MOST = 50

_SEARCH = Text(200)

_COMPARISONS: Mapping[str, Match] = {
    "eq": Match.EQUAL,
    "in": Match.ANY,
    "gt": Match.ABOVE,
    "gte": Match.FROM,
    "lt": Match.BELOW,
    "lte": Match.UNTIL,
    "contains": Match.SEARCH,
}


def parse_conditions(resource: Resource, text: str) -> tuple[Condition, ...]:
    """Return the conditions in ``text``.

    Raises:
        ValueError: it is no such object; the text completes "The x parameter ...".
    """
    try:
        asked = json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError):
        raise ValueError("must be a JSON object of conditions.") from None
    if not isinstance(asked, dict) or len(asked) > _MOST:
        raise ValueError(f"must be a JSON object of at most {_MOST} conditions.")
    return tuple(found for name, value in asked.items() for found in _of(resource, name, value))


def _of(resource: Resource, name: str, value: object) -> Iterator[Condition]:
    field = _plain(resource).get(name)
    if field is None:
        raise ValueError(f"knows no member {name}.")
    kind = resource.shape.kind(field)
    comparisons = value if isinstance(value, dict) else {_usual(value): value}
    for word, compared in comparisons.items():
        match = _COMPARISONS.get(word.removeprefix("$"))
        if match is None:
            raise ValueError(f"compares with {', '.join(_COMPARISONS)}, not with {word}.")
        yield Filter(name, (field.source,), match), _value(name, kind, match, compared)


def _usual(value: object) -> str:
    return "in" if isinstance(value, list) else "eq"


def _value(name: str, kind: Kind, match: Match, value: object) -> object:
    try:
        if match is Match.SEARCH:
            return _SEARCH.parse(value)
        if match is not Match.ANY:
            return kind.parse(value)
        if not isinstance(value, list) or len(value) > _MOST:
            raise ValueError(f"must be a list of at most {_MOST} values.")
        return [kind.parse(item) for item in value]
    except ValueError as error:
        raise ValueError(f"has a wrong value: {name} {error}") from None


def _plain(resource: Resource) -> Mapping[str, Field]:
    """Return the members that are single values."""
    kinds = resource.noun.kinds
    return {
        field.name: field
        for field in resource.shape.columns
        if not isinstance(kinds[field.source], Document) and kinds[field.source].sql() is not Json
    }
