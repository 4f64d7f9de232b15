from __future__ import annotations

import pytest
from jsonschema import Draft202012Validator

from gateway.web.schemas import (
    COUNT,
    HEX,
    ID32,
    SHA256,
    STRING,
    Schema,
    many,
    named,
    nullable,
    record,
    word,
)

#: A record with a member that is there sometimes, and one that may be null.
THING = record(("note",), id=ID32, at=nullable(COUNT), note=STRING, kinds=many(word(("a", "b"))))


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        (THING, {"id": "0" * 32, "at": None, "kinds": ["a"]}, {"id": "0" * 32, "kinds": []}),
        (THING, {"id": "0" * 32, "at": 1, "note": "", "kinds": []}, {"id": "x"}),
        (many(THING), [], [{}]),
        (HEX, "00FF", "0F0"),
        (HEX, "", "ff"),
        (SHA256, "0" * 64, "0" * 63),
        (COUNT, 0, -1),
        (nullable(STRING), None, 1),
        (word(("a", "b")), "b", "c"),
    ],
)
def test_schemas_take_what_they_say(schema: Schema, good: object, bad: object) -> None:
    judge = Draft202012Validator(schema)
    judge.check_schema(schema)
    assert judge.is_valid(good)
    assert not judge.is_valid(bad)


def test_names_are_those_of_the_document() -> None:
    document = {"components": {"schemas": {"Thing": THING}}, **many(named("Thing"))}
    assert not Draft202012Validator(document).is_valid([{}])
