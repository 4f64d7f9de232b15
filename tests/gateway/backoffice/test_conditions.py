"""Conditions of lists as JSON objects."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from gateway.backoffice.catalogue.field_sales.parts import ASSET_PART
from gateway.backoffice.conditions import parse_conditions
from gateway.backoffice.resource import Match

KEY = f"{7:024x}"


def parsed(**conditions: object) -> list[tuple[str, Match, object]]:
    found = parse_conditions(ASSET_PART, json.dumps(conditions))
    return [(filter_.sources[0], filter_.match, value) for filter_, value in found]


def test_values_lists_and_comparisons() -> None:
    assert parsed(name="x") == [("name", Match.EQUAL, "x")]
    assert parsed(partType=[KEY]) == [("part_type", Match.ANY, [7])]
    assert parsed(cost={"$gte": 1.5, "lt": 2}) == [
        ("cost", Match.FROM, Decimal("1.5")),
        ("cost", Match.BELOW, 2),
    ]
    assert parsed(name={"contains": "x"}) == [("name", Match.SEARCH, "x")]
    assert parsed(_id=KEY) == [("id", Match.EQUAL, 7)]


@pytest.mark.parametrize(
    "text",
    [
        "{", "[]", "7", '{"nothing": 1}', '{"name": {"like": "x"}}', '{"cost": "dear"}',
        '{"name": {"in": "x"}}', '{"metadata": {"a": 1}}', '{"partType": null}',
        json.dumps({str(i): i for i in range(51)}), "[" * 100_000,
    ],
)  # fmt: skip
def test_other_things_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"must|knows|compares|wrong"):
        parse_conditions(ASSET_PART, text)
