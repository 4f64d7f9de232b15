from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.errors import Invalid
from gateway.web import parameters

Read = Callable[[dict[str, str], str], object]


@pytest.mark.parametrize(
    "read",
    [parameters.text, parameters.integer, parameters.integers, parameters.flag, parameters.uuid],
)
def test_absent_and_empty_are_none(read: Read) -> None:
    assert read({}, "x") is None
    assert read({"x": " "}, "x") is None


def test_values_are_read() -> None:
    given_values = {
        "text": " a b ",
        "integer": "12",
        "integers": "1, 2,3",
        "flag": "TRUE",
        "uuid": "7b7ee0d1-2f0d-4f52-9f7e-5f1a6a0f3a11",
    }
    assert parameters.text(given_values, "text") == "a b"
    assert parameters.integer(given_values, "integer") == 12
    assert parameters.integers(given_values, "integers") == (1, 2, 3)
    assert parameters.flag(given_values, "flag") is True
    assert parameters.uuid(given_values, "uuid") == UUID(given_values["uuid"])


@pytest.mark.parametrize(
    "value", ["1.5", "x", "+1", "1_000", "٣", "-1", "9" * 19, "9" * 5_000, "--1", "-"]
)
def test_what_is_no_whole_number_in_range_is_refused(value: str) -> None:
    with pytest.raises(Invalid) as refused:
        parameters.integer({"limit": value}, "limit")
    assert refused.value.field == "limit"


@given(st.integers(-(10**25), 10**25), st.integers(-100, 0), st.integers(1, 100))
def test_integers_stay_within_their_bounds(value: int, least: int, most: int) -> None:
    arguments = {"x": str(value)}
    if least <= value <= most:
        assert parameters.integer(arguments, "x", least=least, most=most) == value
    else:
        with pytest.raises(Invalid):
            parameters.integer(arguments, "x", least=least, most=most)


@given(st.text(max_size=20))
def test_any_text_is_read_or_refused(value: str) -> None:
    bare = value.strip()
    with suppress(Invalid):
        assert parameters.integer({"x": value}, "x") == (int(bare) if bare else None)
    for read in (parameters.integers, parameters.flag, parameters.uuid):
        with suppress(Invalid):
            assert (read({"x": value}, "x") is None) == (not value.strip())


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (parameters.text, "x" * 256),
        (parameters.text, "a\0b"),
        (parameters.integers, "1,,2"),
        (parameters.integers, ",".join(["1"] * 201)),
        (parameters.flag, "yes"),
        (parameters.uuid, "not-a-uuid"),
    ],
)
def test_wrong_values_are_refused_by_name(read: Read, value: str) -> None:
    with pytest.raises(Invalid, match="'x' must be"):
        read({"x": value}, "x")


def test_required_refuses_absence_only() -> None:
    assert parameters.required(0, "x") == 0
    with pytest.raises(Invalid) as refused:
        parameters.required(None, "vin")
    assert refused.value.field == "vin"
