"""What the socket promises by the clock, in virtual time: reads take none."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import trio
from quart.testing.connections import WebsocketDisconnectError
from quart_trio import QuartTrio
from trio.testing import MockClock

from gateway.bus.memory import MemoryBus
from gateway.chat.service import ChatService
from gateway.config import CustomerApiSettings, SecuritySettings, TicketSettings
from gateway.domain.events import Event
from gateway.domain.principal import CustomerPrincipal
from gateway.domain.ticket import TicketState
from gateway.identity.keyring import KeyRing
from gateway.identity.sealing import Seal
from gateway.identity.tokens import CLOCK_SKEW, Tokens
from gateway.storage.queries.ticket_records import Ticket
from gateway.ws import sign_in
from gateway.ws.customer import socket as room
from gateway.ws.customer.audience import SMALLEST_GAP
from gateway.ws.customer.socket import CustomerSocket, CustomerSocketDoor
from gateway.ws.customer.updates import Updates
from tests.gateway.portals import KnownTokens
from tests.gateway.workshops import MINE, Workshop

BEGUN = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def now() -> datetime:
    """The wall clock, moving with Trio's."""
    return BEGUN + timedelta(seconds=trio.current_time())


class Inline:
    """The database without its threads: a virtual clock would run on while they work."""

    def __init__(self, workshop: Workshop) -> None:
        self._engine = workshop.database.engine

    async def read(self, query: Callable[..., Any], *arguments: Any) -> Any:
        await trio.lowlevel.checkpoint()
        with self._engine.connect() as connection:
            return query(connection, *arguments)

    async def write(self, query: Callable[..., Any], *arguments: Any) -> Any:
        await trio.lowlevel.checkpoint()
        with self._engine.begin() as connection:
            return query(connection, *arguments)


class Line:
    """Sockets, and what moves behind them."""

    def __init__(self, workshop: Workshop, ticket: Ticket) -> None:
        self.workshop, self.ticket, self.bus = workshop, ticket, MemoryBus()
        self.database = Inline(workshop)
        database: Any = self.database
        self.tokens: dict[str, CustomerPrincipal] = {
            "mine": workshop.customer,
            "slow": workshop.customer,
        }
        self.chat = ChatService(database, now, longest=4_000)
        self.updates = Updates(database, workshop.presence, TicketSettings().numbers)
        self.app = QuartTrio("socket")
        door = CustomerSocketDoor(
            KnownTokens(self.tokens),
            self.updates,
            self.chat,
            self.bus,
            CustomerApiSettings(),
            clock=now,
        )
        self.app.register_blueprint(room.blueprint(door))

    @asynccontextmanager
    async def connect(self, token: str | None = "mine") -> AsyncIterator[Any]:
        headers = {} if token is None else {"Authorization": token}
        client = self.app.test_client()
        async with client.websocket("/ws/customer", headers=headers) as connection:
            yield connection

    async def change(self, state: TicketState) -> None:
        """Move the ticket and let the bus tell."""

        def move(connection: Any) -> None:
            connection.exec_driver_sql(
                f"UPDATE ticket SET state = {int(state)} WHERE id = {self.ticket.id}"
            )

        await self.database.write(move)
        subject = f"ticket:{self.ticket.id}"
        await self.bus.publish(Event("tickets.ticket.started", subject, 1, {}, now()))


@pytest.fixture
async def line(workshop: Workshop) -> AsyncIterator[Line]:
    workshop.presence.plug_in(MINE)
    ticket = await workshop.service.create(workshop.customer, workshop.order())
    line = Line(workshop, ticket)
    async with line.app.test_app():
        yield line


async def say(connection: Any, action: str, **members: object) -> None:
    await connection.send(json.dumps({"action": action, **members}))


async def send_raw(connection: Any, data: bytes | str) -> None:
    """Send a message as the server hands it on: with both members, one of them ``None``."""
    text = data if isinstance(data, str) else None
    raw = data if isinstance(data, bytes) else None
    event = {"type": "websocket.receive", "bytes": raw, "text": text}
    await connection._server_send.send(event)


async def hear(connection: Any) -> Any:
    with trio.fail_after(200):
        return json.loads(await connection.receive())


async def test_the_first_update_is_at_once_and_then_every_five_seconds(
    line: Line, autojump_clock: MockClock
) -> None:
    for action, members in (
        ("subscribeToTicket", {"ticket_id": line.ticket.id}),
        ("subscribeToConnector", {"connector_id": MINE}),
        ("subscribeToConnection", {"connection_uuid": str(line.ticket.connection_uuid)}),
    ):
        async with line.connect() as connection:
            begun, moments = trio.current_time(), []
            await say(connection, action, **members)
            for _ in range(5):
                assert (await hear(connection))["action"] == action
                moments.append(trio.current_time() - begun)
            assert moments == pytest.approx([0, 5, 10, 15, 20], abs=0.05)


async def test_a_change_is_told_within_a_second_and_an_idle_ticket_is_seldom_read(
    line: Line, autojump_clock: MockClock
) -> None:
    async with line.connect() as connection:
        await say(connection, "subscribeToTicket", ticket_id=line.ticket.id)
        for _ in range(7):  # 30 s
            await hear(connection)
        # To let it in, and at 0, 15 and 30 s.
        assert line.updates.queries == 4
        await trio.sleep(2.2)
        changed = trio.current_time()
        await line.change(TicketState.IN_PROGRESS)
        assert (await hear(connection))["message"]["state"] == 2
        assert trio.current_time() - changed < 0.1


async def test_what_changes_without_news_is_told_all_the_same(
    line: Line, autojump_clock: MockClock
) -> None:
    async with line.connect() as connection:
        await say(connection, "subscribeToTicket", ticket_id=line.ticket.id)
        await hear(connection)
        begun = trio.current_time()
        line.bus.publish = _lost  # type: ignore[method-assign,assignment]
        await line.change(TicketState.IN_PROGRESS)
        while (await hear(connection))["message"]["state"] != 2:
            pass
        assert trio.current_time() - begun <= 15.1


async def _lost(_event: Event) -> None:
    """News that never arrives."""


async def test_a_thing_that_changes_all_the_time_does_not_flood(
    line: Line, autojump_clock: MockClock
) -> None:
    async with line.connect() as connection:
        await say(connection, "subscribeToTicket", ticket_id=line.ticket.id)
        await hear(connection)
        begun, heard = trio.current_time(), 0
        async with trio.open_nursery() as nursery:

            async def count() -> None:
                nonlocal heard
                while True:
                    await hear(connection)
                    heard += 1

            nursery.start_soon(count)
            while trio.current_time() - begun < 5:
                await line.change(TicketState.PENDING)
                await trio.sleep(0.01)
            nursery.cancel_scope.cancel()
        assert 10 <= heard <= 5 / SMALLEST_GAP + 1


async def test_one_that_does_not_read_holds_up_nobody(
    line: Line, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, stuck = CustomerSocket.write, []

    async def sticking(self: CustomerSocket) -> None:
        if self._signed_in._token == "slow":
            stuck.append(self)
            await trio.sleep_forever()
        await write(self)

    monkeypatch.setattr(CustomerSocket, "write", sticking)
    async with line.connect("slow") as slow, line.connect() as connection:
        await say(slow, "subscribeToTicket", ticket_id=line.ticket.id)
        for _ in range(60):
            await say(slow, "subscribeToTicket", ticket_id=1_000_000)
        await say(connection, "subscribeToTicket", ticket_id=line.ticket.id)
        await hear(connection)
        for number in range(200):
            await trio.sleep(0.3)
            changed = trio.current_time()
            state = TicketState.PENDING if number % 2 else TicketState.IN_PROGRESS
            await line.change(state)
            assert (await hear(connection))["message"]["state"] == int(state)
            assert trio.current_time() - changed < 0.1
        (socket,) = stuck
        # The refusals there is room for, and one update.
        assert len(socket._out) <= CustomerApiSettings().message_queue + 1


async def test_who_says_nothing_is_asked_to_sign_in(line: Line, autojump_clock: MockClock) -> None:
    async with line.connect(None) as connection:
        begun = trio.current_time()
        assert (await hear(connection))["message"]["code"] == "token.missing"
        assert trio.current_time() - begun == pytest.approx(sign_in.SIGN_IN_LIMIT, abs=0.1)
        with pytest.raises(WebsocketDisconnectError) as caught:
            await connection.receive()
        assert caught.value.args[0] == sign_in.CLOSE_UNAUTHORIZED


@pytest.mark.parametrize("data", [b"", "", b"\x00"])
async def test_an_empty_first_message_is_refused_as_any_other(
    line: Line, autojump_clock: MockClock, data: bytes | str
) -> None:
    async with line.connect(None) as connection:
        await send_raw(connection, data)
        assert (await hear(connection))["message"]["status"] == 400
        with pytest.raises(WebsocketDisconnectError) as caught:
            await connection.receive()
        assert caught.value.args[0] == sign_in.CLOSE_UNAUTHORIZED
    async with line.connect() as connection:
        await send_raw(connection, data)
        assert (await hear(connection))["message"]["status"] == 400
        await say(connection, "subscribeToConnector", connector_id=MINE)
        assert (await hear(connection))["message"]["id"] == MINE


async def test_a_socket_ends_with_its_token_and_goes_on_with_a_fresh_one(
    line: Line, autojump_clock: MockClock
) -> None:
    from cryptography.fernet import Fernet  # noqa: PLC0415 - keys of this test alone

    settings, database = SecuritySettings(), line.workshop.database
    ring = KeyRing(database, Seal(Fernet.generate_key()).fernet, settings, now)
    await ring.open()
    tokens = Tokens(ring, settings, now)
    first, second = (
        tokens.issue("access", "customer", "x", lifetime).token for lifetime in (30, 90)
    )
    identity = _Judge(tokens, line.workshop.customer)
    door = CustomerSocketDoor(
        identity, line.updates, line.chat, line.bus, CustomerApiSettings(), clock=now
    )
    line.app = QuartTrio("judged")
    line.app.register_blueprint(room.blueprint(door))
    begun = trio.current_time()
    async with line.connect(f"Bearer {first}") as connection:
        await trio.sleep(20)
        await say(connection, "authenticate", access_token=second)
        heard = await hear(connection)
        assert heard["message"]["code"] == "identity.token_refused"
        assert trio.current_time() - begun == pytest.approx(90 + CLOCK_SKEW, abs=1.2)
        with pytest.raises(WebsocketDisconnectError) as caught:
            await connection.receive()
        assert caught.value.args[0] == sign_in.CLOSE_UNAUTHORIZED


class _Judge:
    """Identity's face, without its memory."""

    def __init__(self, tokens: Tokens, customer: CustomerPrincipal) -> None:
        self._tokens, self._customer = tokens, customer

    async def customer(self, access_token: str) -> CustomerPrincipal:
        await self._tokens.verify(access_token, "access", "customer")
        return self._customer


async def test_what_is_said_is_heard_in_order_by_those_who_come_back_too(
    line: Line, autojump_clock: MockClock
) -> None:
    customer, channel = line.workshop.customer, line.ticket.uuid

    async def speak(words: str) -> None:
        said = await line.chat.say(customer, channel, words)
        event = Event("chat.message.created", f"channel:{channel}", 1, {}, now())
        await line.bus.publish(event)
        assert said.id > 0

    await speak("before")
    async with line.connect() as connection:
        await say(connection, "subscribeToChannel", channel_id=f"{line.ticket.id}_{channel}")
        entered = (await hear(connection))["message"]
        assert (entered["channel_id"], entered["state"]) == (str(channel), "open")
        for number in range(120):
            await speak(str(number))
        heard = [(await hear(connection)) for _ in range(120)]
        assert [one["message"]["content"] for one in heard] == [str(n) for n in range(120)]
        assert {one["action"] for one in heard} == {"channelMessage"}
        await line.chat.ping(customer, channel)
        await line.bus.publish(Event("chat.message.created", f"channel:{channel}", 1, {}, now()))
        assert (await hear(connection))["message"]["type"] == "control"
        await say(connection, "unsubscribeFromChannel", channel_id=str(channel))
        await speak("unheard")
        with trio.move_on_after(20) as quiet:
            await hear(connection)
        assert quiet.cancelled_caught
    last = heard[-1]["message"]["number"]
    async with line.connect() as connection:
        await say(connection, "subscribeToChannel", channel_id=str(channel), after=last)
        await hear(connection)
        missed = [(await hear(connection))["message"] for _ in range(2)]
        assert [one["type"] for one in missed] == ["control", "text"]


async def test_foreign_channels_are_refused(line: Line, autojump_clock: MockClock) -> None:
    line.tokens["next"] = line.workshop.neighbour
    async with line.connect("next") as connection:
        for channel in (str(line.ticket.uuid), "x", "", "1_2_3"):
            await say(connection, "subscribeToChannel", channel_id=channel)
            assert (await hear(connection))["message"]["status"] == 404
