"""Kinds that nest: what they take, what they refuse, and which rows they mention."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.backoffice.kinds import Flag, Number, Text
from gateway.backoffice.nested import Many, Mention, Part, mentions
from gateway.backoffice.records import MemberErrors

KEY = f"{7:024x}"
LINE = Part({"product": Mention("product"), "price": Number(2), "note": Text()}, ("product",))
LINES = Many(LINE, most=3)


def test_what_is_taken_is_kept_as_the_edge_spells_it() -> None:
    given_ = [{"product": KEY, "price": Decimal("1.005"), "unknown": 1, "note": None}]
    assert LINES.parse(given_) == [{"product": KEY, "price": 1.01}]


@pytest.mark.parametrize(
    ("value", "path"),
    [([{}], "0.product"), ([{"product": "7"}], "0.product"), ([7], "0")],
)
def test_mistakes_are_named_by_their_path(value: object, path: str) -> None:
    with pytest.raises(MemberErrors) as caught:
        LINES.parse(value)
    assert list(caught.value.errors) == [path]


@pytest.mark.parametrize("value", [{}, "x", [{"product": KEY}] * 4])
def test_other_things_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match="list of at most 3"):
        LINES.parse(value)
    with pytest.raises(ValueError, match="object"):
        Part({}).parse([])


@given(st.lists(st.integers(1, 2**62), max_size=3))
def test_every_mention_is_found(numbers: list[int]) -> None:
    value = LINES.parse([{"product": f"{number:024x}"} for number in numbers])
    found = [(path, noun, key) for path, noun, key in mentions(LINES, value, "lines")]
    assert found == [(f"lines.{i}.product", "product", n) for i, n in enumerate(numbers)]


def test_nothing_mentions_nothing() -> None:
    assert list(mentions(LINES, None, "lines")) == []
    assert list(mentions(Flag(), True, "flag")) == []


def test_schemas_say_the_same() -> None:
    assert LINES.schema()["items"]["required"] == ["product"]
    assert LINES.schema()["maxItems"] == 3
    assert Mention("product").schema()["pattern"] == "^[0-9a-f]{24}$"
