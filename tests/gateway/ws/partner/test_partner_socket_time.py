"""What the socket promises by the clock and to slow clients, in virtual time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import structlog
import trio
from quart.testing.connections import WebsocketDisconnectError
from quart_trio import QuartTrio
from trio.testing import MockClock

from gateway.config import PartnerApiSettings
from gateway.domain.connector import OFFLINE, ConnectorStatus
from gateway.domain.errors import Unauthorized
from gateway.domain.principal import OperatorPrincipal
from gateway.storage.queries import partner_events
from gateway.storage.queries.partner_events import PartnerEvent
from gateway.tickets.partner_events import PartnerFeed
from gateway.ws.partner import socket as room
from gateway.ws.partner.messages import SubscribeToEvent
from gateway.ws.partner.socket import (
    BATCH,
    QUEUE,
    PartnerSocket,
    PartnerSocketDoor,
)
from gateway.ws.sign_in import TOKEN_INTERVAL, SignedIn
from tests.gateway.workshops import LONG_AGO, Workshop

BEGUN = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def now() -> datetime:
    """The wall clock, moving with Trio's."""
    return BEGUN + timedelta(seconds=trio.current_time())


class Inline:
    """The database without its threads: a virtual clock would run on while they work."""

    def __init__(self, workshop: Workshop) -> None:
        self._engine = workshop.database.engine
        self.reads = 0

    # Any: whatever the query returns.
    async def read(self, query: Callable[..., Any], *arguments: Any) -> Any:
        await trio.lowlevel.checkpoint()
        self.reads += 1
        with self._engine.connect() as connection:
            return query(connection, *arguments)

    def add(self, event: PartnerEvent) -> None:
        with self._engine.begin() as connection:
            partner_events.add(connection, event)


class Identity:
    """Knows one operator until told otherwise."""

    def __init__(self) -> None:
        self.known = True

    async def operator(self, access_token: str) -> OperatorPrincipal:
        if access_token != "token" or not self.known:
            raise Unauthorized("token.unknown", "Get another token.")
        return OperatorPrincipal("op-1", 1)


class Nowhere:
    """No connector is online."""

    def __init__(self) -> None:
        self.online: dict[UUID, ConnectorStatus] = {}

    def status(self, uuid: UUID) -> ConnectorStatus:
        return self.online.get(uuid, OFFLINE)


class Line:
    """One socket over a database in line."""

    def __init__(self, workshop: Workshop) -> None:
        self.database = Inline(workshop)
        self.identity = Identity()
        self.sent: list[str] = []
        feed = PartnerFeed(workshop.database, structlog.get_logger())
        self.door = PartnerSocketDoor(
            self.identity,
            self.database,  # type: ignore[arg-type]  # reads like one
            feed,
            Nowhere(),
            PartnerApiSettings(),
            now,
        )
        operator = OperatorPrincipal("op-1", 1)
        signed_in = SignedIn(operator, "token", self.identity.operator, now)
        self.socket = PartnerSocket(self.door, signed_in)


@pytest.fixture
def line(workshop: Workshop) -> Line:
    return Line(workshop)


async def test_a_client_that_does_not_read_has_nothing_read_ahead_for_it(
    line: Line, autojump_clock: MockClock
) -> None:
    for number in range(QUEUE + 3 * BATCH):
        line.database.add(PartnerEvent(1, "tickets.ticket.created", LONG_AGO, {"n": number}))
    async with trio.open_nursery() as nursery:
        line.socket._following.add("*", 0)
        line.socket.stir()
        nursery.start_soon(line.socket.send_events)
        await trio.sleep(3_600)
        # As much as fits the queue, and the batch that was begun: not more, however long it takes.
        assert line.database.reads == QUEUE // BATCH + 1
        assert line.socket._out.statistics().queued == QUEUE
        nursery.cancel_scope.cancel()


async def test_heartbeats_keep_their_time(line: Line, autojump_clock: MockClock) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(line.socket.beat)
        await trio.sleep(5 * line.door.settings.heartbeat + 1)
        assert line.socket._out.statistics().queued == 5
        nursery.cancel_scope.cancel()


async def test_a_client_ends_with_its_token(line: Line, autojump_clock: MockClock) -> None:
    app = QuartTrio("provider")
    app.register_blueprint(room.blueprint(line.door))
    client = app.test_client()
    headers = {"Authorization": "Bearer token"}
    async with client.websocket("/ws/partner", headers=headers) as connection:
        await trio.sleep(3 * TOKEN_INTERVAL)
        line.identity.known = False
        began = trio.current_time()
        with pytest.raises(WebsocketDisconnectError) as closed:  # noqa: PT012 - all that is heard
            while True:
                await connection.receive()
        assert closed.value.args[0] == 4401
        assert trio.current_time() - began <= TOKEN_INTERVAL + 1


def test_a_subscription_needs_no_place_in_the_past() -> None:
    assert SubscribeToEvent("*").after_id is None
