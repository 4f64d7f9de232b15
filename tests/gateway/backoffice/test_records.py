"""Lists in bodies: every mistake by its path."""

from __future__ import annotations

import pytest

from gateway.backoffice.kinds import Text, Whole
from gateway.backoffice.records import (
    Anything,
    File,
    Member,
    MemberErrors,
    Records,
    Several,
    Upload,
)

LINES = Records(
    (Member("name", Text(5), required=True), Member("n", Whole(1), "count", default=1)), 1
)


def test_members_come_out_by_column_with_defaults() -> None:
    assert LINES.parse([{"name": "a"}, {"name": "b", "n": 2}]) == [
        {"name": "a", "count": 1},
        {"name": "b", "count": 2},
    ]


def test_every_mistake_has_its_path() -> None:
    with pytest.raises(MemberErrors) as caught:
        LINES.parse([{"n": 0}, 3, {"name": "too long"}])
    assert set(caught.value.errors) == {"0.name", "0.n", "1", "2.name"}


@pytest.mark.parametrize("value", [None, {}, [], [{"name": "a"}] * 501])
def test_other_things_are_no_lists_of_lines(value: object) -> None:
    with pytest.raises(ValueError, match="must"):
        LINES.parse(value)


def test_several_values_of_a_kind() -> None:
    assert Several(Whole()).parse([1, "2"]) == [1, 2]
    with pytest.raises(ValueError, match="at most"):
        Several(Whole(), 1).parse([1, 2])


def test_anything_is_storable() -> None:
    assert Anything().parse({"a": [1, None]}) == {"a": [1, None]}
    with pytest.raises(ValueError, match="NUL"):
        Anything().parse("\x00")


def test_a_file_has_a_size() -> None:
    file = File("a", "text/plain", b"abc")
    assert Upload(3).parse(file) is file
    with pytest.raises(ValueError, match="larger"):
        Upload(2).parse(file)
    with pytest.raises(ValueError, match="multipart"):
        Upload().parse("text")
