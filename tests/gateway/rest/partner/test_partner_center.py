from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from tests.gateway.partners import Json, Provider

pytestmark = pytest.mark.slow

CENTER, MESSAGES = "/tickets/service-center", "/tickets/messenger-channel/messages"


async def test_the_service_center_is_opened_closed_and_scheduled(provider: Provider) -> None:
    opened = {"state": "opened", "schedule_ends_at": None, "schedule_reason": None}
    assert await provider.done("GET", CENTER) == opened
    closed = await provider.done("PUT", CENTER, {"state": "closed"})
    assert closed["state"] == "closed"
    assert (await provider.done("GET", CENTER, token="far"))["state"] == "opened"
    ends = (provider.floor.clock.now + timedelta(hours=2)).isoformat()
    body = {"state": "scheduled", "schedule_ends_at": ends, "schedule_reason": "Lunch"}
    assert await provider.done("PUT", CENTER, body) == body
    for bad, code in (
        ({"state": "scheduled"}, "service_center.reason_missing"),
        (body | {"state": "opened"}, "service_center.not_scheduled"),
        ({"state": "away"}, "body.field"),
    ):
        await provider.refused("PUT", CENTER, bad, status=400, code=code)


async def test_messages_of_a_channel_are_paged(provider: Provider) -> None:
    ticket = await provider.order()
    channel = str(ticket.uuid)
    said: Json = None
    for text in ("one", "two", "three"):
        said = await provider.done(
            "POST", MESSAGES, {"channel_id": channel, "content": text}, status=201
        )
    assert (said["content"], said["type"], said["redacted"]) == ("three", "text", False)
    assert (said["sender"]["type"], said["attachment"]) == ("operator", None)
    page = await provider.done("GET", f"{MESSAGES}?channel_id={channel}&limit=2")
    assert [one["content"] for one in page["result"]] == ["three", "two"]
    more = f"{MESSAGES}?channel_id={channel}&limit=2&next_token={page['next_token']}"
    last = await provider.done("GET", more)
    assert ([one["content"] for one in last["result"]], last["next_token"]) == (["one"], None)
    for name, token in ((channel, "far"), (str(UUID(int=1)), "op")):
        path = f"{MESSAGES}?channel_id={name}"
        await provider.refused("GET", path, status=404, code="chat.channel_unknown", token=token)
    await provider.refused("GET", MESSAGES, status=400, code="parameter.missing")
    empty = {"channel_id": channel, "content": "  "}
    await provider.refused("POST", MESSAGES, empty, status=400, code="chat.empty")
