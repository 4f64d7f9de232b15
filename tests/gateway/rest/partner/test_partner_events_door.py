from __future__ import annotations

from datetime import timedelta

import pytest

from tests.gateway.partners import Provider

pytestmark = pytest.mark.slow

PATH = "/system/events"


async def _happened(provider: Provider) -> str:
    """Let a ticket be ordered, joined and closed; return its UUID."""
    ticket = await provider.order()
    for what in ("join", "close"):
        await provider.done("POST", f"/tickets/tickets/{ticket.uuid}/{what}")
    await provider.told(3)
    return str(ticket.uuid)


async def test_events_are_read_from_any_one_on(provider: Provider) -> None:
    uuid = await _happened(provider)
    first = await provider.done("GET", f"{PATH}?limit=2")
    assert (first["total"], len(first["result"])) == (3, 2)
    assert [one["type"] for one in first["result"]] == [
        "tickets.ticket.created",
        "tickets.ticket.started",
    ]
    assert first["result"][0]["payload"]["ticket"]["id"] == uuid
    known = first["result"][-1]["id"]
    rest = await provider.done("GET", f"{PATH}?after_id={known}")
    assert [one["type"] for one in rest["result"]] == ["tickets.ticket.closed"]
    assert rest["query"] == {"after_id": known, "limit": 25}
    end = await provider.done("GET", f"{PATH}?after_id={rest['result'][0]['id']}")
    assert (end["result"], end["total"]) == ([], 0)
    assert (await provider.done("GET", PATH, token="far"))["result"] == []


async def test_events_are_narrowed_one_way_at_a_time(provider: Provider) -> None:
    await _happened(provider)
    found = await provider.done("GET", f"{PATH}?type=tickets.ticket.closed")
    assert found["total"] == 1
    now = provider.floor.clock.now
    before, after = (now - timedelta(1)).isoformat(), (now + timedelta(1)).isoformat()
    for moment, total in ((before, 3), (after, 0)):
        path = f"{PATH}?occurred_after={moment.replace('+', '%2B')}"
        assert (await provider.done("GET", path))["total"] == total
    problem = await provider.refused(
        "GET", f"{PATH}?type=a&after_id=b", status=400, code="event.one_filter"
    )
    assert problem["field"] == "type"
    for path, status, code in (
        (f"{PATH}?after_id=nonsense", 404, "event.unknown"),
        (f"{PATH}?occurred_after=today", 400, "parameter.invalid"),
        (f"{PATH}?limit=0", 400, "parameter.invalid"),
    ):
        await provider.refused("GET", path, status=status, code=code)
