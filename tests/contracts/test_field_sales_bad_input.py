"""Nasty values in every body, query and path of field sales: none is an error of ours."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.backoffice.catalogue import DECLARATIONS
from gateway.backoffice.openapi import document
from gateway.backoffice.profiles.field_sales import FIELD_SALES
from tests.gateway.backoffice.conftest import (  # noqa: F401 - fixtures
    Door,
    Tokens,
    app,
    elsewhere,
    field_sales,
    outside,
    shops,
    tokens,
)

NASTY: tuple[Any, ...] = (
    None, True, 0, -1, 10**30, 0.1, "", "0", "x" * 300, "\x00", "\ud800", "2026-02-30", "0" * 24,
    "f" * 24, f"{1:024x}", [], [None], [[]], {}, {"a": {"b": []}}, [{"quantity": "x"}],
    [{"product": f"{1:024x}", "quantity": -1}], {"status": 7}, "9999-12-31T23:59:59+00:00",
)  # fmt: skip

TEXTS = ("", "-1", "x", "[", "[[]]", "{", '{"$gt": 1}', "0" * 24, "1e999", "%00", "9" * 40)


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield (path, method, operation) of what is served."""
    for path, item in document(FIELD_SALES, DECLARATIONS, "1")["paths"].items():
        yield from ((path, method, operation) for method, operation in item.items())


def members(operation: dict[str, Any]) -> list[str]:
    """Return the names in the body of an operation."""
    body = operation.get("requestBody", {"content": {}})["content"]
    return list(body.get("application/json", {}).get("schema", {}).get("properties", ()))


@pytest.mark.slow
@pytest.mark.parametrize("share", range(4))
async def test_no_body_is_an_error_of_ours(share: int, field_sales: Door) -> None:  # noqa: F811
    dice = random.Random(share)
    for path, method, operation in operations():
        names = members(operation)
        for _ in range(2 if names else 0):
            # Some members only: one that is wrong hides what the others would have done.
            some = dice.sample(names, min(len(names), dice.randint(1, 4)))
            body = json.dumps({name: dice.choice(NASTY) for name in some})
            address = path.replace("{id}", dice.choice([f"{1:024x}", "x", "f" * 24]))
            headers = {"Content-Type": "application/json"}
            answer = await field_sales.raw(method.upper(), address, data=body, headers=headers)
            assert answer.status_code < 500, (method, path, body)


@pytest.mark.slow
async def test_no_query_is_an_error_of_ours(field_sales: Door) -> None:  # noqa: F811
    dice = random.Random(0)
    for path, method, operation in operations():
        names = [one["name"] for one in operation["parameters"] if one["in"] == "query"]
        if method != "get" or not names:
            continue
        for _ in range(4):
            query = {name: dice.choice(TEXTS) for name in dice.sample(names, min(2, len(names)))}
            answer = await field_sales.raw("GET", path, query_string=query)
            assert answer.status_code in {200, 400, 404}, (path, query)
