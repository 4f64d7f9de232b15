from __future__ import annotations

from uuid import UUID

import pytest

from gateway.storage.queries import partner_events
from gateway.storage.queries.partner_events import PartnerEvent
from gateway.ws.partner.socket import BATCH
from tests.gateway.workshops import GOLF, LONG_AGO, MINE, uuid_of
from tests.gateway.ws.partner.conftest import Line

pytestmark = pytest.mark.slow

CREATED, CLOSED = "tickets.ticket.created", "tickets.ticket.closed"


async def test_events_come_as_they_happen(line: Line) -> None:
    async with line.connect() as client, line.connect("far") as other:
        for each in (client, other):
            await each.say("subscribe-to-event", event_type=CREATED)
            assert await each.silent("error", 0.1)
        ticket = await line.provider.order()
        heard = await client.hear("event-received")
        assert heard["event_type"] == CREATED
        assert heard["message"]["ticket"]["id"] == str(ticket.uuid)
        events = await line.provider.done("GET", "/system/events")
        assert [one["id"] for one in events["result"]] == [heard["event_id"]]
        assert await other.silent("event-received")


async def test_a_client_goes_on_behind_what_it_knows(line: Line) -> None:
    ticket = await line.provider.order()
    await line.provider.told(1)
    item = f"/tickets/tickets/{ticket.uuid}"
    async with line.connect() as client:
        await client.say("subscribe-to-event", event_type="*", after_id=None)
        await client.silent("error", 0.1)
        await line.provider.done("POST", f"{item}/join")
        known = (await client.hear("event-received"))["event_id"]
    await line.provider.done("POST", f"{item}/close")
    async with line.connect() as client:
        await client.say("subscribe-to-event", event_type="tickets.ticket.*", after_id=known)
        assert (await client.hear("event-received"))["event_type"] == CLOSED
        # Two subscriptions that both want it get it once.
        await client.say("subscribe-to-event", event_type=CLOSED)
        assert await client.silent("event-received")


async def test_what_was_missed_comes_in_order_and_whole(line: Line) -> None:
    database, count = line.provider.workshop.database, 2 * BATCH + 7
    await line.provider.order()
    await line.provider.told(1)
    first = (await line.provider.done("GET", "/system/events"))["result"][0]["id"]
    for number in range(count):
        event = PartnerEvent(1, "tickets.message.created", LONG_AGO, {"number": number})
        await database.write(partner_events.add, event)
    async with line.connect() as client:
        await client.say("subscribe-to-event", event_type="*", after_id=first)
        heard = [(await client.hear("event-received"))["message"] for _ in range(count)]
    assert [message["number"] for message in heard] == list(range(count))


async def test_events_end_when_they_are_not_wanted(line: Line) -> None:
    async with line.connect() as client:
        await client.say("subscribe-to-event", event_type=CREATED)
        await client.say("unsubscribe-from-event", event_type=CREATED)
        await client.silent("error", 0.1)
        await line.provider.order()
        assert await client.silent("event-received")


async def test_connectors_are_followed(line: Line) -> None:
    await line.provider.floor.plug_in()
    name = str(uuid_of(MINE))
    async with line.connect() as client:
        await client.say("subscribe-to-connector", connector_id=name)
        for _ in range(2):
            message = (await client.hear("subscribe-to-connector"))["message"]
            assert (message["connector_id"], message["vin_number"]) == (name, GOLF)
            assert (message["voltage"], message["online"]) == (12.4, True)
            assert "round_trip_time" in message
        await client.say("unsubscribe-from-connector", connector_id=name)
        await client.silent("error", 0.1)
        assert await client.silent("subscribe-to-connector", 0.5)


async def test_it_gives_signs_of_life(line: Line) -> None:
    async with line.connect() as client:
        heard = await client.hear("heartbeat")
        assert heard["message"]["at"] == line.provider.floor.clock.now.isoformat()


async def test_what_makes_no_sense_is_answered(line: Line) -> None:
    async with line.connect() as client:
        for data, code in (
            ("{", "body.malformed"),
            (b"\xff\xfe", "body.malformed"),
            ("[]", "body.field"),
            ('{"action": "dance"}', "body.field"),
            ('{"action": "subscribe-to-event", "event_type": "A b"}', "body.field"),
            (
                '{"action": "subscribe-to-event", "event_type": "a", "after_id": "b"}',
                "event.unknown",
            ),
            ('{"action": "subscribe-to-connector", "connector_id": "12"}', "body.field"),
            (
                f'{{"action": "subscribe-to-connector", "connector_id": "{UUID(int=3)}"}}',
                "connector.unknown",
            ),
        ):
            await client.raw(data)
            assert (await client.hear("error"))["message"]["code"] == code, data
    async with line.connect("far") as client:
        await client.say("subscribe-to-connector", connector_id=str(uuid_of(MINE)))
        assert (await client.hear("error"))["message"]["code"] == "connector.unknown"


async def test_subscriptions_are_bounded(line: Line) -> None:
    async with line.connect() as client:
        for number in range(4):
            await client.say("subscribe-to-event", event_type=f"tickets.kind{number}")
        problem = (await client.hear("error"))["message"]
        assert problem["code"] == "socket.too_many_subscriptions"
        await client.say("subscribe-to-event", event_type="tickets.kind0")  # has its place
        assert await client.silent("error")


async def test_who_does_not_sign_in_is_closed(line: Line) -> None:
    for token in ("nobody", None):
        async with line.connect(token) as client:
            if token is None:
                await client.say("subscribe-to-event", event_type=CREATED)
            code = (await client.hear("error"))["message"]["code"]
            assert code in {"token.unknown", "token.missing"}
            assert await client.closed_with() == 4401


@pytest.mark.parametrize("query", ["?access_token=op", ""])
async def test_there_are_three_ways_to_sign_in(line: Line, query: str) -> None:
    async with line.connect(None, query) as client:
        if not query:
            await client.say("authenticate", access_token="op")
        assert await client.hear("heartbeat")


async def test_a_token_is_renewed_by_its_own_client_alone(line: Line) -> None:
    floor = line.provider.floor
    async with line.connect() as client:
        await client.say("authenticate", access_token="mate")
        assert (await client.hear("error"))["message"]["code"] == "socket.other_client"
        floor.tokens.principals["op2"] = floor.workshop.operator
        await client.say("authenticate", access_token="op2")
        assert await client.silent("error")
