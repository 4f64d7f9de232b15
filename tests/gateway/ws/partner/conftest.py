"""A provider's doors over a furnished workshop."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import trio
from quart.testing.connections import WebsocketDisconnectError

from gateway.config import PartnerApiSettings
from gateway.ws.partner import socket
from gateway.ws.partner.socket import PartnerSocketDoor
from tests.gateway.partners import Provider, open_provider
from tests.gateway.workshops import Workshop
from tests.settable_clock import SettableClock

Json = Any  # what a test reads out of a message is its own business

SETTINGS = PartnerApiSettings(update_interval=0.2, heartbeat=0.5, max_subscriptions=3)


class Client:
    """A provider's end of the socket."""

    # Any: the test client's connection has no exported type.
    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def say(self, action: str, **members: object) -> None:
        await self._connection.send(json.dumps({"action": action, **members}))

    async def raw(self, data: str | bytes) -> None:
        await self._connection.send(data)

    async def hear(self, action: str) -> Json:
        """Return the next message of one kind; others are passed over."""
        with trio.fail_after(20):
            while True:
                message = json.loads(await self._connection.receive())
                if message["action"] == action:
                    return message

    async def silent(self, action: str, seconds: float = 0.3) -> bool:
        """Tell whether no such message comes for a while."""
        with trio.move_on_after(seconds):
            while json.loads(await self._connection.receive())["action"] != action:
                pass
            return False
        return True

    async def closed_with(self) -> int:
        with trio.fail_after(20):
            while True:
                try:
                    await self._connection.receive()
                except WebsocketDisconnectError as closed:
                    return int(closed.args[0])


@dataclass(frozen=True, slots=True)
class Line:
    """A provider's two doors."""

    provider: Provider

    @asynccontextmanager
    async def _connect(self, token: str | None, query: str) -> AsyncIterator[Client]:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        client = self.provider.floor.app.test_client()
        async with client.websocket(f"/ws/partner{query}", headers=headers) as connection:
            yield Client(connection)

    def connect(
        self, token: str | None = "op", query: str = ""
    ) -> AbstractAsyncContextManager[Client]:
        return self._connect(token, query)


@pytest.fixture
async def line(workshop: Workshop, clock: SettableClock) -> AsyncIterator[Line]:
    async with open_provider(workshop, clock) as provider:
        floor = provider.floor
        door = PartnerSocketDoor(
            floor.tokens,
            workshop.database,
            provider.feed,
            floor.links.registry,
            SETTINGS,
            clock,
        )
        floor.app.register_blueprint(socket.blueprint(door))
        yield Line(provider)
