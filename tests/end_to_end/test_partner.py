"""Two service providers, one ticket, through a whole gateway."""

from __future__ import annotations

import json

import pytest
import trio

from gateway.storage.queries.identity import Provider
from tests.end_to_end.houses import House, tell

pytestmark = pytest.mark.slow


async def test_a_ticket_is_served_by_another_provider(house: House) -> None:
    await house.plug_in("can")
    home = await house.operator()
    tenants = house.gateway.identity.tenants
    away_id = await tenants.add_provider(Provider("Far away", "EUR"), actor="test")
    away = await house.another_operator(provider=away_id)
    api = "/partner/v2"
    async with house.socket(away, "/ws/partner") as socket:
        await socket.send_message(
            json.dumps({"action": "subscribe-to-event", "event_type": "tickets.ticket.*"})
        )
        ticket = await house.order("can")
        listed = await house.done("GET", f"{api}/tickets/pending-tickets", token=home)
        [shown] = listed["result"]
        assert shown["ticket_number"] == int(ticket["id"])
        item = f"{api}/tickets/tickets/{shown['id']}"
        await house.done("POST", f"{item}/outsource", {"provider_id": away_id}, token=home)
        with trio.fail_after(20):
            heard = json.loads(await socket.get_message())
        assert heard["event_type"] == "tickets.ticket.created"
        assert heard["message"]["parent_ticket"]["number"] == shown["ticket_number"]
        await house.done("POST", f"{item}/join", token=away)
        session = await house.done(
            "POST", "/operator/v1/sessions", {"ticket_id": shown["ticket_number"]}, token=away
        )
        ecu = {"request_id": 0x7E0, "response_id": 0x7E8}
        assert (await tell(house, away, session, ecu, "3E00")) == b"\x7e\x00"
        closed = await house.done("POST", f"{item}/close", {"note": "Done."}, token=away)
        assert closed["state"] == "closed"
        with trio.fail_after(20):
            while heard["event_type"] != "tickets.ticket.closed":
                heard = json.loads(await socket.get_message())
    events = await house.done("GET", f"{api}/system/events?limit=100", token=home)
    types = [one["type"].rpartition(".")[2] for one in events["result"]]
    assert types == ["created", "outsourced", "started", "closed"]
    refused = await house.call("GET", f"{api}/customers", token="nobody")
    assert refused.status_code == 401
    answer = await house.call("GET", f"{api}/customers", token=home)
    assert answer.headers["RateLimit-Policy"] == "10;w=2"
