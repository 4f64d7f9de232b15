from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from gateway.web.bodies import LooseText
from gateway.web.openapi import NUMBER, Described, Operation, Query, document


class Body(msgspec.Struct):
    """What is read."""

    phone: LooseText


READ = Operation(
    "readThing", "GET", "/things/<int(max=9):thing_id>", "One thing", "Things", answer="Thing"
)
CHANGE = Operation(
    "change",
    "PUT",
    "/things/{thing_id}",
    "Change it",
    "Things",
    body=Body,
    query=(Query("dry", {"type": "boolean"}, required=True),),
    status=202,
    public=True,
)
API = Described(
    "Things", (READ, CHANGE), {"Thing": {"type": "object"}}, {"thing_id": NUMBER}, (400, 404)
)


def test_a_document_tells_what_the_table_tells() -> None:
    made = document(API, "1.2.3")
    assert made["info"] == {"title": "Things", "version": "1.2.3"}
    methods = made["paths"]["/things/{thing_id}"]
    read, change = methods["get"], methods["put"]
    assert read["parameters"] == [
        {"name": "thing_id", "in": "path", "required": True, "schema": NUMBER}
    ]
    assert list(read["responses"]) == ["200", "304", "400", "404"]
    assert list(change["responses"]) == ["202", "400", "404"]
    assert change["parameters"][1]["required"] is True
    assert (change["security"], "security" in read) == ([], False)
    phone = made["components"]["schemas"]["Body"]["properties"]["phone"]
    assert phone == {"type": ["string", "number"]}


def test_what_is_described_twice_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="described twice"):
        document(replace(API, operations=(READ, READ)), "1")
    other = replace(READ, path="/others")
    with pytest.raises(ValueError, match="share a name"):
        document(replace(API, operations=(READ, other)), "1")
