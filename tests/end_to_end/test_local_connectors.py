"""Vehicles on the gateway's own machine and network, through real processes and real sockets."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import can
import pytest
import trio
from structlog.testing import CapturingLogger

from firmware_sim.vehicle.loader import load_vehicle
from firmware_sim.vehicle.vehicle import Vehicle, open_vehicle
from gateway.app import Gateway, open_gateway
from gateway.config import LinkSettings, LocalConnector, LocalSettings, Settings
from gateway.domain.connector import ConnectorStatus
from gateway.identity.identity import Identity, open_identity
from gateway.links.connector import LiveConnector
from gateway.runtime.logs import Log
from gateway.storage.database import open_database
from gateway.storage.migrations.schema import upgrade
from gateway.storage.queries.identity import Provider, Tenant
from protocols.link.vehicle import CanTarget, DoipTarget
from tests.settable_clock import SettableClock
from tests.support.link_world import until

pytestmark = [pytest.mark.slow, pytest.mark.process]

ENGINE = CanTarget(0x7E0, 0x7E8)
SESSION = "operator"


@asynccontextmanager
async def gateway_with(
    settings: Settings, log: Log, connector: LocalConnector
) -> AsyncIterator[Gateway]:
    chosen = replace(settings, local=LocalSettings(connector=(connector,)))
    with trio.fail_after(30):
        async with open_gateway(chosen, log) as gateway:
            yield gateway


async def on_record(settings: Settings) -> UUID:
    """Make a connector known and return its UUID; its key on record is thrown away."""
    async with open_database(settings.database_url) as database:
        await upgrade(database)
        identity: Identity = await open_identity(database, settings, SettableClock())
        provider = await identity.tenants.add_provider(Provider("Remote", "EUR"), actor="test")
        tenant = await identity.tenants.add(Tenant(provider, "Garage", "EUR"), actor="test")
        return (await identity.connectors.create(tenant, actor="test")).uuid


async def online(
    gateway: Gateway, uuid: UUID, ready: Callable[[ConnectorStatus], bool]
) -> LiveConnector:
    """Wait until the connector is online and its status as wanted; open a session on it."""
    registry = gateway.registry
    await until(lambda: registry.status(uuid).online and ready(registry.status(uuid)), within=20)
    live = gateway.registry.require(uuid)
    live.open_session(SESSION, writer=True, grace=5.0)
    return live


def no_condition(_status: ConnectorStatus) -> bool:
    return True


@pytest.fixture
def multicast() -> str:
    """A python-can bus that two processes of this machine share; skips where there is none."""
    pytest.importorskip("msgpack", reason="python-can's udp_multicast needs it")
    # Sockets of one port hear every group that anybody on this machine has joined.
    channel, port = "239.74.163.2", random.randrange(20_000, 60_000)
    try:
        with (
            can.Bus(interface="udp_multicast", channel=channel, port=port) as one,
            can.Bus(interface="udp_multicast", channel=channel, port=port) as two,
        ):
            one.send(can.Message(arbitration_id=1))
            heard = two.recv(0.5)
    except (OSError, can.CanError):
        heard = None
    if heard is None:
        pytest.skip("this machine has no multicast")
    return f"udp_multicast:{channel}?port={port}"


def firmware_processes() -> list[int]:
    """Return the ids of this process's children that are connectors."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parent = int(status.read_text().rpartition(")")[2].split()[1])
            command = status.with_name("cmdline").read_bytes()
            if parent == os.getpid() and b"firmware_sim" in command:
                found.append(int(status.parent.name))
    return found


@asynccontextmanager
async def golf_on(bus: str) -> AsyncIterator[Vehicle]:
    async with open_vehicle(load_vehicle("golf"), addresses={"can0": bus}) as vehicle:
        yield vehicle


@pytest.mark.parametrize("frames_only", [False, True])
async def test_a_bus_of_this_machine(
    settings: Settings, log: Log, multicast: str, frames_only: bool
) -> None:
    uuid = await on_record(settings)
    connector = LocalConnector(
        name="lift", uuid=uuid, bus=multicast, ecus="7E0:7E8", frames_only=frames_only
    )
    async with golf_on(multicast), gateway_with(settings, log, connector) as gateway:
        live = await online(gateway, uuid, no_condition)
        assert live.capabilities.isotp is not frames_only
        result = await live.exchange(SESSION, ENGINE, b"\x22\xf1\x90")
        assert result.failure == "", result
        assert result.responses[0].data == b"\x62\xf1\x90WVWZZZAUZHP341562"
        codes = await live.exchange(SESSION, ENGINE, b"\x19\x02\xff")
        assert codes.responses[0].data[:2] == b"\x59\x02"
        extended = await live.exchange(SESSION, ENGINE, b"\x10\x03")
        assert extended.responses[0].data[:2] == b"\x50\x03"
        assert (await live.close_session(SESSION)).safe


async def test_a_doip_vehicle_on_the_network_behind_a_gateway_with_tls_elsewhere(
    settings: Settings, log: Log
) -> None:
    # Beyond loopback the link port is not for local connectors: they get one of their own.
    open_port = replace(settings, link=LinkSettings(host="0.0.0.0", port=0, tls_elsewhere=True))
    uuid = await on_record(open_port)
    async with open_vehicle(load_vehicle("xc90"), addresses={}) as vehicle:
        assert vehicle.doip is not None
        bus = f"doip:{vehicle.doip.host}:{vehicle.doip.tcp_port}"
        connector = LocalConnector(name="lan", uuid=uuid, bus=bus, ecus="1001,1630")
        async with gateway_with(open_port, log, connector) as gateway:
            live = await online(gateway, uuid, lambda status: status.vin == "YV1LFA2A9J1338204")
            assert live.status.supports_doip
            result = await live.exchange(SESSION, DoipTarget(0x1630), b"\x22\xf1\x87")
            assert result.responses[0].data == b"\x62\xf1\x8731459988"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux's /proc")
async def test_a_process_that_dies_is_started_again_and_the_rest_goes_on(
    settings: Settings, log: Log, logged: CapturingLogger
) -> None:
    uuid = await on_record(settings)
    connector = LocalConnector(name="lift", uuid=uuid, bus="virtual:lift")
    async with gateway_with(settings, log, connector) as gateway:
        first = await online(gateway, uuid, no_condition)
        (child,) = firmware_processes()
        generation = first.generation
        os.kill(child, signal.SIGKILL)
        await until(lambda: firmware_processes() not in ([], [child]), within=20, every=0.02)
        # It has forgotten everything, so its connector begins anew.
        await until(lambda: first.connected and first.generation > generation, within=20)
        assert not gateway.shutdown.requested.is_set()
    assert firmware_processes() == []
    failures = [call for call in logged.calls if call.kwargs.get("event") == "service failed"]
    assert [call.kwargs["service"] for call in failures] == ["local connector lift"]


async def test_a_connector_that_is_not_on_record_stays_out(
    settings: Settings, log: Log, logged: CapturingLogger
) -> None:
    connector = LocalConnector(name="lift", uuid=UUID(int=5), bus="virtual:lift")
    async with gateway_with(settings, log, connector) as gateway:
        await until(lambda: "ended with status 1" in str(logged.calls), within=20, every=0.05)
        assert not gateway.registry.status(UUID(int=5)).online
        assert not gateway.shutdown.requested.is_set()
