from __future__ import annotations

from datetime import timedelta

import pytest

from tests.gateway.callers import Json
from tests.gateway.operators import Floor

pytestmark = pytest.mark.slow


async def test_the_service_centre_is_scheduled_and_opened(floor: Floor) -> None:
    path, opened = "/service-center", {"state": "opened"}
    nothing = {"schedule_ends_at": None, "schedule_reason": None}
    assert await floor.done("GET", path) == opened | nothing
    ends_at = (floor.clock() + timedelta(hours=2)).isoformat()
    wanted = {"state": "scheduled", "schedule_ends_at": ends_at, "schedule_reason": "Stocktaking"}
    assert await floor.done("PUT", path, wanted) == wanted
    await floor.plug_in()
    ticket = await floor.order()
    assert (await floor.done("GET", "/tickets?held=false"))["total"] == 0
    (held,) = (await floor.done("GET", "/tickets?held=true"))["result"]
    assert (held["id"], held["held_until"]) == (ticket.id, ends_at)
    assert await floor.done("PUT", path, opened) == opened | nothing
    (shown,) = (await floor.done("GET", "/tickets?held=false"))["result"]
    assert shown["held_until"] is None
    assert await floor.done("GET", path, token="far") == opened | nothing


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"state": "away"}, "body.field"),
        ({}, "body.field"),
        ({"state": "scheduled"}, "service_center.reason_missing"),
        (
            {"state": "scheduled", "schedule_reason": "x", "schedule_ends_at": "2026-03-02T10:00"},
            "body.field",
        ),
        ({"state": "closed", "schedule_reason": "x"}, "service_center.not_scheduled"),
    ],
)
async def test_a_service_centre_is_in_one_of_three_states(
    floor: Floor, body: Json, code: str
) -> None:
    await floor.refused("PUT", "/service-center", body, status=400, code=code)


async def test_no_token(floor: Floor) -> None:
    for method, path in (
        ("GET", "/service-center"),
        ("PUT", "/service-center"),
    ):
        await floor.refused(method, path, status=401, code="token.missing", token=None)
