from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest
import structlog
import trio
from quart.testing.connections import WebsocketDisconnectError
from quart_trio import QuartTrio

from gateway.bus.memory import MemoryBus
from gateway.bus.outbox import OutboxRelay
from gateway.chat.service import ChatService
from gateway.config import CustomerApiSettings, TicketSettings
from gateway.domain.clock import utc_now
from gateway.domain.events import Event
from gateway.storage.queries.ticket_records import Ticket
from gateway.ws import sign_in
from gateway.ws.customer import socket as room
from gateway.ws.customer.socket import CustomerSocketDoor
from gateway.ws.customer.updates import Updates
from tests.gateway.portals import KnownTokens, conforms
from tests.gateway.workshops import FOREIGN, MINE, SECOND, Workshop, uuid_of
from tests.settable_clock import SettableClock

#: Short against five seconds, long against an event's way: what comes sooner came by an event.
SETTINGS = CustomerApiSettings(update_interval=1.0, max_subscriptions=3)

Json = Any  # what a test reads out of a message is its own business


class Client:
    """The portal's end of the socket."""

    # Any: the test client's connection has no exported type.
    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def say(self, action: str, **members: object) -> None:
        await self._connection.send(json.dumps({"action": action, **members}))

    async def raw(self, data: str | bytes) -> None:
        await self._connection.send(data)

    async def hear(self) -> Json:
        with trio.fail_after(20):
            return json.loads(await self._connection.receive())

    async def closed_with(self) -> int:
        with trio.fail_after(20), pytest.raises(WebsocketDisconnectError) as caught:
            await self._connection.receive()
        return int(caught.value.args[0])


@dataclass(frozen=True, slots=True)
class Line:
    """A server with one room, and what moves behind it."""

    app: QuartTrio
    workshop: Workshop
    bus: MemoryBus
    tokens: dict[str, Any] = field(default_factory=dict)  # token -> principal

    @asynccontextmanager
    async def connect(self, token: str | None = "mine", query: str = "") -> AsyncIterator[Client]:
        headers = {} if token is None else {"Authorization": token}
        client = self.app.test_client()
        async with client.websocket(f"/ws/customer{query}", headers=headers) as connection:
            yield Client(connection)

    async def order(self) -> Ticket:
        return await self.workshop.service.create(self.workshop.customer, self.workshop.order())


@pytest.fixture
async def line(workshop: Workshop, nursery: trio.Nursery) -> AsyncIterator[Line]:
    bus = MemoryBus()
    relay = OutboxRelay(workshop.database, bus, structlog.get_logger())
    await nursery.start(relay.run)
    tokens = {"mine": workshop.customer, "next": workshop.neighbour}
    chat = ChatService(workshop.database, utc_now, longest=4_000)
    updates = Updates(workshop.database, workshop.presence, TicketSettings().numbers)
    door = CustomerSocketDoor(KnownTokens(tokens), updates, chat, bus, SETTINGS)
    app = QuartTrio("socket")
    app.register_blueprint(room.blueprint(door))
    workshop.presence.plug_in(MINE, voltage=12.4, vin="WVWZZZAUZHP341562", round_trip_ms=8.5)
    async with app.test_app():
        yield Line(app, workshop, bus, tokens)


@pytest.mark.slow
async def test_a_connector_is_told_at_once_and_again(line: Line) -> None:
    async with line.connect() as client:
        await client.say("subscribeToConnector", connector_id=MINE)
        first = await client.hear()
        assert first["action"] == "subscribeToConnector"
        message = dict(first["message"])
        assert (message.pop("connector_id"), message["id"]) == (MINE, MINE)
        assert (message.pop("voltage"), message.pop("round_trip_time")) == (12.4, 8.5)
        assert message["is_online"]
        conforms(message, "Connector")
        assert (await client.hear())["message"]["vin_number"] == "WVWZZZAUZHP341562"


@pytest.mark.slow
async def test_a_change_of_a_connector_comes_before_its_turn(line: Line) -> None:
    async with line.connect() as client:
        await client.say("subscribeToConnector", connector_id=str(MINE))
        await client.hear()
        line.workshop.presence.unplug(MINE)
        begun = trio.current_time()
        await line.bus.publish(status_event(MINE))
        heard = await client.hear()
        assert heard["message"]["is_online"] is False
        assert heard["message"]["voltage"] is None
        assert trio.current_time() - begun < SETTINGS.update_interval


def status_event(number: int) -> Event:
    return Event("connectors.connector.status", f"connector:{number}", 1, {}, SettableClock().now)


@pytest.mark.slow
async def test_a_ticket_is_followed_to_its_end(line: Line) -> None:
    ticket = await line.order()
    async with line.connect() as client:
        await client.say("subscribeToTicket", ticket_id=ticket.id)
        first = (await client.hear())["message"]
        assert first == {
            "id": ticket.id,
            "ticket_id": ticket.id,
            "ticket_uuid": str(ticket.uuid),
            "state": 1,
            "connection_id": ticket.connection_id,
            "connection_uuid": str(ticket.connection_uuid),
            "cancelled_reason": 0,
            "chat_state": 0,
            "vehicle_model_id": ticket.model_id,
            "vehicle_model_variant_id": ticket.variant_id,
            "vin": ticket.vin,
            "is_script_composition_running": False,
            "unattended": None,
            "schedule": {"message": None, "until": None},
        }
        for act, state in ((line.workshop.service.begin, 2), (line.workshop.service.close, 7)):
            begun = trio.current_time()
            await act(line.workshop.operator, ticket.id)
            while (await client.hear())["message"]["state"] != state:
                pass
            assert trio.current_time() - begun < SETTINGS.update_interval


async def test_a_connection_by_its_name(line: Line) -> None:
    ticket = await line.order()
    async with line.connect() as client:
        await client.say("subscribeToConnection", connection_uuid=str(ticket.connection_uuid))
        assert await client.hear() == {
            "action": "subscribeToConnection",
            "message": {
                "connection_uuid": str(ticket.connection_uuid),
                "script_ui_wss_url": None,
                "script_ui_available": 0,
                "is_autonomous": False,
            },
        }


@pytest.mark.slow
@pytest.mark.parametrize("word", ["From", "To"])
async def test_unsubscribing_ends_the_updates(line: Line, word: str) -> None:
    async with line.connect() as client:
        await client.say("subscribeToConnector", connector_id=MINE)
        await client.hear()
        await client.say(f"unsubscribe{word}Connector", connector_id=MINE)
        await client.say(f"unsubscribe{word}Connector", connector_id=MINE)
        await line.bus.publish(status_event(MINE))
        with trio.move_on_after(SETTINGS.update_interval * 2) as quiet:
            await client.hear()
        assert quiet.cancelled_caught
        assert line.bus.statistics().topics == 0


async def test_foreign_and_unknown_things_are_refused(line: Line) -> None:
    ticket = await line.order()
    async with line.connect("next") as client:
        for action, members in (
            ("subscribeToConnector", {"connector_id": MINE}),
            ("subscribeToConnector", {"connector_id": 1}),
            ("subscribeToTicket", {"ticket_id": ticket.id}),
            ("subscribeToTicket", {"ticket_id": 999}),
            ("subscribeToConnection", {"connection_uuid": str(ticket.connection_uuid)}),
            ("subscribeToConnection", {"connection_uuid": str(uuid4())}),
        ):
            await client.say(action, **members)
            heard = await client.hear()
            assert heard["action"] == "error"
            assert heard["message"]["status"] == 404
            conforms(heard["message"], "Problem")
        await client.say("subscribeToConnector", connector_id=FOREIGN)
        assert (await client.hear())["message"]["uuid"] == str(uuid_of(FOREIGN))


async def test_a_bad_message_gets_an_answer_and_the_socket_goes_on(line: Line) -> None:
    async with line.connect() as client:
        for data in ("{", "[]", b"\xff", '{"action":"dance"}', '{"action":"subscribeToTicket"}'):
            await client.raw(data)
            heard = await client.hear()
            assert (heard["action"], heard["message"]["status"]) == ("error", 400)
        await client.say("subscribeToConnector", connector_id=MINE)
        assert (await client.hear())["action"] == "subscribeToConnector"


async def test_subscriptions_are_limited(line: Line) -> None:
    async with line.connect() as client:
        ticket = await line.order()
        await client.say("subscribeToConnector", connector_id=MINE)
        await client.say("subscribeToTicket", ticket_id=ticket.id)
        await client.say("subscribeToConnection", connection_uuid=str(ticket.connection_uuid))
        await client.say("subscribeToConnector", connector_id=MINE)  # again is no new one
        await client.say("subscribeToConnector", connector_id=SECOND)
        await client.say("unsubscribeToTicket", ticket_id=ticket.id)
        await client.say("subscribeToConnector", connector_id=SECOND)
        heard = [await client.hear()]
        while heard[-1]["message"].get("id") != SECOND:
            heard.append(await client.hear())
        refusals = [one["message"]["code"] for one in heard if one["action"] == "error"]
        assert refusals == ["socket.too_many_subscriptions"]


@pytest.mark.parametrize(
    ("token", "query"),
    [("Bearer mine", ""), ("mine", ""), (None, "?access_token=mine"), (None, "")],
)
async def test_every_way_to_bring_a_token(line: Line, token: str | None, query: str) -> None:
    async with line.connect(token, query) as client:
        if token is None and not query:
            await client.say("authenticate", access_token="mine")
        await client.say("subscribeToConnector", connector_id=MINE)
        assert (await client.hear())["message"]["id"] == MINE


@pytest.mark.parametrize(
    ("token", "query", "first"),
    [
        ("forged", "", None),
        (None, "?access_token=forged", None),
        (None, "", '{"action":"authenticate","access_token":"forged"}'),
        (None, "", '{"action":"subscribeToTicket","ticket_id":1}'),
        (None, "", "{"),
    ],
)
async def test_without_a_good_token_the_socket_ends(
    line: Line, token: str | None, query: str, first: str | None
) -> None:
    async with line.connect(token, query) as client:
        if first is not None:
            await client.raw(first)
        heard = await client.hear()
        assert heard["action"] == "error"
        assert heard["message"]["status"] in {400, 401}
        assert await client.closed_with() == sign_in.CLOSE_UNAUTHORIZED


@pytest.mark.slow
async def test_a_token_that_ends_ends_the_socket(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sign_in, "TOKEN_INTERVAL", 0.05)
    async with line.connect() as client:
        await client.say("authenticate", access_token="next")
        assert (await client.hear())["message"]["code"] == "socket.other_tenant"
        line.tokens["fresh"] = line.tokens["mine"]
        await client.say("authenticate", access_token="fresh")
        await client.say("subscribeToConnector", connector_id=MINE)
        assert (await client.hear())["action"] == "subscribeToConnector"
        del line.tokens["mine"]
        await trio.sleep(0.15)
        await client.say("subscribeToConnector", connector_id=MINE)
        assert (await client.hear())["action"] == "subscribeToConnector"
        del line.tokens["fresh"]
        heard = await client.hear()
        assert heard["message"]["code"] == "token.unknown"
        assert await client.closed_with() == sign_in.CLOSE_UNAUTHORIZED


@pytest.mark.slow
async def test_a_thing_that_is_gone_is_told_once(line: Line) -> None:
    async with line.connect() as client:
        await client.say("subscribeToConnector", connector_id=MINE)
        await client.hear()

        def disable(connection: Any) -> None:  # Any: SQLAlchemy's, which tests of doors avoid
            connection.exec_driver_sql(
                f"UPDATE connector SET disabled_at = '2026-01-01' WHERE id = {MINE}"
            )

        await line.workshop.database.write(disable)
        heard = await client.hear()
        while heard["action"] != "error":
            heard = await client.hear()
        assert heard["message"]["status"] == 404
        with trio.move_on_after(SETTINGS.update_interval * 2) as quiet:
            await client.hear()
        assert quiet.cancelled_caught
