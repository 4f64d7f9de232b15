"""Kinds take what they describe, give back what they took, and refuse the rest with a sentence."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from gateway.backoffice.kinds import (
    Choice,
    Document,
    Email,
    Flag,
    Identifier,
    Kind,
    Number,
    Ref,
    Text,
    Whole,
)
from gateway.backoffice.moments import Day, EpochMillis, Moment

KINDS: tuple[Kind, ...] = (
    Text(10),
    Text(0),
    Text(5, pattern="^[A-Z]*$"),
    Email(),
    Whole(-5, 5),
    Number(2),
    Number(3, Decimal(0), Decimal(100), above_minimum=True),
    Flag(),
    Flag(digit=True),
    Day(),
    Moment(),
    Moment(fine=True),
    EpochMillis(),
    Choice(("new", "in_repair")),
    Ref("customer"),
    Identifier(),
    Identifier(hexadecimal=True),
    Document(),
    Document(texts=True),
)

_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.text(st.characters())
    | st.datetimes().map(lambda moment: moment.isoformat())
    | st.dates().map(str)
    | st.sampled_from(["", "1", "0", "new", "a@b", "\x00", "\ud800", "NaN", "1e999", "9" * 40])
)
JSON = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def _parse(kind: Kind, value: object) -> tuple[object, ValueError | None]:
    try:
        return kind.parse(value), None
    except ValueError as error:
        return None, error


@pytest.mark.parametrize("kind", KINDS, ids=repr)
@given(value=JSON)
def test_any_json_is_taken_or_refused_with_a_sentence(kind: Kind, value: Any) -> None:
    taken, refusal = _parse(kind, value)
    if refusal is not None:
        assert str(refusal).endswith(".")
        return
    shown = kind.render(taken)
    plain = float(shown) if isinstance(shown, Decimal) else shown
    Draft202012Validator(kind.schema()).validate(plain)
    assert kind.parse(shown) == kind.parse(kind.render(kind.parse(shown)))


@pytest.mark.parametrize(
    ("kind", "given", "taken", "shown"),
    [
        (Number(2), Decimal("2.675"), Decimal("2.68"), Decimal("2.68")),
        (Number(2), Decimal("-2.675"), Decimal("-2.68"), Decimal("-2.68")),
        (Whole(), Decimal("7.0"), 7, 7),
        (Whole(), "7", 7, 7),
        (Flag(digit=True), 1, True, 1),
        (Identifier(hexadecimal=True), f"{255:024x}", 255, f"{255:024x}"),
        (Moment(), "2026-03-02T10:30:00+01:00", datetime(2026, 3, 2, 9, 30, tzinfo=UTC),
         "2026-03-02T09:30:00Z"),
        (Moment(fine=True), "2026-03-02T09:30:00", datetime(2026, 3, 2, 9, 30, tzinfo=UTC),
         "2026-03-02T09:30:00.000000Z"),
        (EpochMillis(), "1000", datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC), 1000),
    ],
)  # fmt: skip
def test_values(kind: Kind, given: Any, taken: object, shown: object) -> None:
    assert kind.parse(given) == taken
    assert kind.render(taken) == shown


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        (Whole(), True),
        (Whole(), Decimal("7.5")),
        (Number(2), True),
        (Number(3, Decimal(0), Decimal(9), above_minimum=True), Decimal("0.0001")),
        (Day(), "2026-02-30"),
        (Email(), "two words@x"),
        (Text(3), "four"),
        (Text(), "nul\x00"),
        (Text(), "\ud800"),
        (Document(), {"key": "\x00"}),
        (Identifier(hexadecimal=True), "0" * 24),
        (Identifier(hexadecimal=True), "f" * 24),
        (Ref("customer"), 2**63),
    ],
)
def test_refusals(kind: Kind, given: object) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        kind.parse(given)
