"""What the configuration says of links is what connectors get to see."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
import trio
import trustme
from structlog.typing import FilteringBoundLogger

from firmware_sim.cli import run as simulate
from firmware_sim.firmware.link import Backoff, LinkClient
from firmware_sim.roster import RosterEntry
from gateway.app import Gateway, open_gateway
from gateway.config import LinkSettings, Settings
from gateway.storage.queries.identity import Provider, Tenant
from protocols.link.events import Closed, Event, MessageReceived
from protocols.link.messages import MonitorStart
from protocols.link.vehicle import BusInfo, Capabilities
from tests.support.link_world import until

pytestmark = pytest.mark.slow

CAPABILITIES = Capabilities(buses=(BusInfo("can0", "can", 500_000),))


async def _enlist(gateway: Gateway, count: int) -> list[RosterEntry]:
    tenants = gateway.identity.tenants
    provider = await tenants.add_provider(Provider("S", "EUR", company_name="S"), actor="test")
    tenant = await tenants.add(Tenant(provider_id=provider, name="G", currency="EUR"), actor="t")
    made = await gateway.identity.connectors.create_many(tenant, count, actor="test")
    return [RosterEntry(gateway.link_url, one.uuid, one.private_key) for one in made]


def _client(entry: RosterEntry, told: list[Event]) -> LinkClient:
    return LinkClient(
        entry.gateway,
        entry.identity,
        CAPABILITIES,
        told.append,
        random=Random(1),
        backoff=Backoff(0.01, 0.01),
    )


async def test_frames_wait_for_their_batch_as_configured(
    settings: Settings, log: FilteringBoundLogger
) -> None:
    link = LinkSettings(port=0, frame_flush_ms=3)
    async with open_gateway(replace(settings, link=link), log) as gateway:
        [entry] = await _enlist(gateway, 1)
        told: list[Event] = []
        async with trio.open_nursery() as nursery:
            client = _client(entry, told)
            nursery.start_soon(client.run)
            await until(lambda: client.live)
            with gateway.registry.require(entry.uuid).listen("can0"):
                await until(lambda: any(isinstance(event, MessageReceived) for event in told))
            nursery.cancel_scope.cancel()
    [order] = [event.message for event in told if isinstance(event, MessageReceived)][:1]
    assert order == MonitorStart("can0", 0, (), 3)


async def test_a_crowd_is_taken_in_at_the_configured_rate(
    settings: Settings, log: FilteringBoundLogger
) -> None:
    link = LinkSettings(port=0, accept_rate=2)
    async with open_gateway(replace(settings, link=link), log) as gateway:
        entries = await _enlist(gateway, 5)
        told: list[Event] = []
        async with trio.open_nursery() as nursery:
            began = trio.current_time()
            for entry in entries:
                nursery.start_soon(_client(entry, told).run)
            await until(lambda: gateway.registry.connections() == 5, within=20)
            assert trio.current_time() - began >= 1.0, "two at once, then two a second"
            nursery.cancel_scope.cancel()
    refused = [event for event in told if isinstance(event, Closed) and event.by_peer]
    assert refused == [], "the others waited in the listen queue"


async def test_a_simulated_connector_gets_in_by_its_certificate_alone(
    settings: Settings, log: FilteringBoundLogger, tmp_path: Path
) -> None:
    gateways, devices = trustme.CA(), trustme.CA()
    server = gateways.issue_cert("127.0.0.1")
    server.private_key_and_cert_chain_pem.write_to_path(tmp_path / "gateway.pem")
    gateways.cert_pem.write_to_path(tmp_path / "gateways.pem")
    devices.cert_pem.write_to_path(tmp_path / "devices.pem")
    link = LinkSettings(
        port=0,
        certificate=tmp_path / "gateway.pem",
        private_key=tmp_path / "gateway.pem",
        client_ca=tmp_path / "devices.pem",
    )
    async with open_gateway(replace(settings, link=link), log) as gateway:
        [keyed] = await _enlist(gateway, 1)
        device = devices.issue_cert(common_name=str(keyed.uuid))
        device.private_key_and_cert_chain_pem.write_to_path(tmp_path / "device.pem")
        entry = RosterEntry(
            gateway.link_url,
            keyed.uuid,
            certificate=str(tmp_path / "device.pem"),
            ca=str(tmp_path / "gateways.pem"),
        )
        async with trio.open_nursery() as nursery:
            nursery.start_soon(simulate, [entry])
            await until(lambda: gateway.registry.status(keyed.uuid).vin is not None, within=10)
            nursery.cancel_scope.cancel()
