"""Keys that change and connectors that are shut out, while their link is up."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from uuid import UUID

import httpx2
import pytest
import trio
from structlog.typing import FilteringBoundLogger

from firmware_sim.firmware.link import Identity, LinkClient, LinkRefusedError
from gateway.app import Gateway, open_gateway
from gateway.config import Settings
from gateway.storage.queries.identity import Provider, Tenant
from protocols.link.events import Closed, Event
from protocols.link.messages import CloseCode
from protocols.link.vehicle import Capabilities
from tests.end_to_end.houses import AT_ONCE
from tests.end_to_end.programs import run_gateway
from tests.support.link_world import until

pytestmark = [pytest.mark.slow, pytest.mark.process]


@dataclass(eq=False)
class _Device:
    """A connector that dials in with one key until it is refused for good."""

    gateway: Gateway
    uuid: UUID
    key: str
    told: list[Event] = field(default_factory=list)
    refused: bool = False

    def __post_init__(self) -> None:
        self.client = LinkClient(
            self.gateway.link_url,
            Identity(str(self.uuid), base64.b64decode(self.key)),
            Capabilities(),
            self.told.append,
            random=Random(1),
            backoff=AT_ONCE,
        )

    async def run(self) -> None:
        try:
            await self.client.run()
        except LinkRefusedError:
            self.refused = True

    def last_word(self) -> CloseCode:
        return next(
            CloseCode(event.code) for event in reversed(self.told) if isinstance(event, Closed)
        )

    def dial_again(self) -> None:
        """Break the present connection; the client dials at once."""
        self.gateway.registry.disconnect_all("again")


@dataclass(eq=False)
class _Garage:
    gateway: Gateway
    uuid: UUID
    key: str
    nursery: trio.Nursery
    environment: dict[str, str]

    async def online(self, key: str) -> _Device:
        device = _Device(self.gateway, self.uuid, key)
        self.nursery.start_soon(device.run)
        await until(lambda: device.client.live or device.refused)
        return device

    async def command(self, *words: str) -> str:
        """Run ``gateway connector ...`` in a process of its own; return what it printed."""
        async with run_gateway("connector", *words, environment=self.environment) as program:
            assert await program.ended() == 0, program.err
        return " ".join(program.out)

    async def metrics(self) -> str:
        async with httpx2.AsyncClient(trust_env=False) as client:
            return (await client.get(f"{self.gateway.http_url}/metrics")).text


@asynccontextmanager
async def _garage(settings: Settings, log: FilteringBoundLogger) -> AsyncIterator[_Garage]:
    async with open_gateway(settings, log) as gateway, trio.open_nursery() as nursery:
        tenants = gateway.identity.tenants
        provider = await tenants.add_provider(Provider("S", "EUR", company_name="S"), actor="test")
        tenant = await tenants.add(
            Tenant(provider_id=provider, name="G", currency="EUR"), actor="test"
        )
        made = await gateway.identity.connectors.create(tenant, actor="test")
        environment = {
            "GATEWAY_DATA_DIRECTORY": str(settings.data.directory),
            "GATEWAY_DATABASE_URL": settings.database_url,
        }
        yield _Garage(gateway, made.uuid, str(made.private_key), nursery, environment)
        nursery.cancel_scope.cancel()


async def test_an_old_key_is_good_until_its_grace_ends_and_not_after(
    settings: Settings, log: FilteringBoundLogger
) -> None:
    async with _garage(settings, log) as garage:
        old = await garage.online(garage.key)
        connectors = garage.gateway.identity.connectors
        new_key = str(await connectors.rotate_key(garage.uuid, actor="test", grace=4))
        rotated_at = trio.current_time()
        assert old.client.live, "a link that is up stays up"
        old.dial_again()
        await until(lambda: len(old.told) >= 3 and old.client.live)
        assert trio.current_time() < rotated_at + 4, "else this machine is too slow to tell"
        await trio.sleep_until(rotated_at + 4.1)
        assert old.client.live
        old.dial_again()
        await until(lambda: old.refused)
        assert old.last_word() == CloseCode.AUTHENTICATION
        assert (await garage.online(new_key)).client.live


async def test_without_grace_the_old_key_is_good_no_more(
    settings: Settings, log: FilteringBoundLogger
) -> None:
    async with _garage(settings, log) as garage:
        connectors = garage.gateway.identity.connectors
        new_key = await connectors.rotate_key(garage.uuid, actor="test", grace=0)
        assert (await garage.online(garage.key)).refused
        assert (await garage.online(str(new_key))).client.live


async def test_disabling_ends_the_live_link_at_once(
    settings: Settings, log: FilteringBoundLogger
) -> None:
    async with _garage(settings, log) as garage:
        device = await garage.online(garage.key)
        disabled_at = trio.current_time()
        await garage.gateway.identity.connectors.disable(garage.uuid, actor="test")
        await until(lambda: device.refused)
        assert trio.current_time() - disabled_at < 3
        assert device.last_word() == CloseCode.DISABLED
        assert (await garage.online(garage.key)).last_word() == CloseCode.AUTHENTICATION


async def test_disabling_by_the_command_line_ends_it_soon(
    settings: Settings, log: FilteringBoundLogger
) -> None:
    async with _garage(settings, log) as garage:
        device = await garage.online(garage.key)
        assert "is disabled" in await garage.command("disable", str(garage.uuid))
        committed_by = trio.current_time()
        await until(lambda: device.refused)
        assert trio.current_time() - committed_by < 10, "a second where the machine is not busy"
        assert device.last_word() == CloseCode.DISABLED
        shown = await garage.metrics()
        assert 'gateway_link_ended_total{code="disabled"} 1.0' in shown
        assert "gateway_link_connections 0.0" in shown
