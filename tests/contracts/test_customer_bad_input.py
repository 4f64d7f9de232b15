"""Nothing that a portal can send is an error of ours, and every refusal names what is wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import Any

import pytest

from tests.contracts.customer_calls import CALLS, SIGN_IN, Call, Scene, operations
from tests.contracts.test_customer_walk import scene  # noqa: F401 - a fixture, like the next ones
from tests.end_to_end.conftest import folder, furnished_folder  # noqa: F401
from tests.gateway.chat.test_translation import server  # noqa: F401
from tests.gateway.portals import conforms

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

#: What stands where something else is expected.
NASTY: tuple[Any, ...] = (
    None,
    True,
    -1,
    2**63,
    "",
    "x" * 3_000,
    "\0",
    "\ud800",
    [[[]]],
    {"$ref": "#"},
)

#: Those that can stand in an address; a lone surrogate cannot even be encoded.
PLAIN = [one for one in NASTY if isinstance(one, str | int | float) and one != "\ud800"]

BODIES = (b"", b"{", b"null", b"[]", b'"x"', b"\xff\xfe", b"[" * 20_000, b'{"a":' * 5_000)

#: Refusals that this API may make; 429 and 503 are said by what stands before and behind it.
REFUSALS = {400, 401, 403, 404, 409, 413, 429, 503}


def spoilt(call: Call) -> Iterator[tuple[str, Call]]:
    """Yield a call with one of its parts replaced by something nasty, and which part."""
    for name, value in product(call.path, PLAIN):
        if value != "":
            yield name, replace(call, path={**call.path, name: value})
    for name, value in product({**call.query, "limit": 0, "offset": 0}, PLAIN):
        yield name, replace(call, query={**call.query, name: value})
    if isinstance(call.body, dict):
        for name, value in product(call.body, NASTY):
            yield name, replace(call, body={**call.body, name: value})
        for name in call.body:
            rest = {key: value for key, value in call.body.items() if key != name}
            yield name, replace(call, body=rest)


@pytest.mark.parametrize("part", range(2))
async def test_no_value_is_an_error_of_ours(scene: Scene, part: int) -> None:  # noqa: F811
    seen: Counter[int] = Counter()
    for operation in tuple(operations())[part::2]:
        if operation.name in SIGN_IN:
            continue
        for name, call in spoilt(CALLS[operation.name](scene.ids)):
            answer = await scene.call(operation, call, token=scene.token)
            seen[answer.status_code] += 1
            where = (operation.name, name, call.path, call.query, str(call.body)[:200])
            assert answer.status_code == operation.status or answer.status_code in REFUSALS, (
                *where,
                answer.status_code,
                answer.text[:300],
            )
            if answer.status_code in REFUSALS:
                problem = answer.json()
                conforms(problem, "Problem")
                assert problem["detail"], where
                # What is no JSON at all has no members to name.
                if problem["status"] == 400 and problem["code"] != "body.malformed":
                    assert problem.get("field"), (*where, problem)
    assert seen[400] > 100
    assert seen.total() > 300


async def test_no_body_is_an_error_of_ours(scene: Scene) -> None:  # noqa: F811
    for operation in operations():
        call = CALLS[operation.name](scene.ids)
        if call.body is None:
            continue
        for body in BODIES:
            answer = await scene.house.client.request(
                operation.method,
                operation.path.format(**call.path),
                params=dict(call.query),
                content=body,
                headers={
                    "Authorization": f"Bearer {scene.token}",
                    "Content-Type": "application/json",
                },
            )
            where = (operation.name, body[:20], answer.status_code, answer.text[:200])
            if operation.name == "changeCustomer" and body == b"null":
                assert answer.status_code in {200, 400}, where
            else:
                assert answer.status_code in {400, 429}, where
            assert answer.json()["detail"], where
