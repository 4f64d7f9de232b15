"""Several people change one document at once: one after the other, each seeing what was before."""

from __future__ import annotations

from functools import partial

import pytest
import trio

from tests.gateway.backoffice.conftest import Door

pytestmark = [pytest.mark.both_engines, pytest.mark.slow]

TIMES = 6


async def test_a_state_is_left_once(repair: Door) -> None:
    customer = (await repair.ask("POST", "/customers", json={"first_name": "Jan"}))[1]
    asked = {"customer_id": customer["id"]}
    order = (await repair.ask("POST", "/work-orders", json=asked))[1]
    path = f"/work-orders/{order['id']}"
    async with trio.open_nursery() as nursery:
        for _ in range(TIMES):
            change = {"status": "diagnosing"}
            nursery.start_soon(partial(repair.ask, "PATCH", path, json=change))
    told = (await repair.ask("GET", f"/v1{path}/timeline"))[1]["data"]
    assert [entry["event"] for entry in told].count("status_changed") == 1


async def test_what_is_removed_at_once_is_removed_once(repair: Door) -> None:
    customer = (await repair.ask("POST", "/customers", json={"first_name": "Jan"}))[1]
    statuses: list[int] = []

    async def remove() -> None:
        path = f"/customers/{customer['id']}"
        statuses.append((await repair.ask("DELETE", path))[0])

    async with trio.open_nursery() as nursery:
        for _ in range(TIMES):
            nursery.start_soon(remove)
    assert sorted(statuses) == [204] + [404] * (TIMES - 1)
