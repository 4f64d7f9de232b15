from __future__ import annotations

from datetime import UTC, datetime
from typing import cast
from uuid import UUID

import pytest
import trio
from structlog.testing import CapturingLogger
from structlog.typing import FilteringBoundLogger
from trio.testing import MockClock

from gateway.bus.memory import MemoryBus
from gateway.domain.connector import ConnectorStatus
from gateway.domain.errors import Unavailable
from gateway.domain.events import Event
from gateway.identity.connectors import DISABLED
from gateway.links.registry import STATUS_EVENT
from gateway.links.upkeep import GATHER, LinkUpkeep
from gateway.storage.database import Connection, Database
from gateway.storage.queries import connectors
from gateway.storage.queries import identity as people
from gateway.storage.queries.connectors import NewConnector
from gateway.storage.queries.identity import Provider, Tenant
from protocols.link.events import Closed
from protocols.link.messages import CloseCode, StatusReport
from tests.support.link_world import (
    KNOWN,
    UUID_ONE,
    DialledConnector,
    LinkWorld,
    open_world,
    settle,
    until,
)

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
VIN = "WVWZZZAUZKW123456"


def _fill(connection: Connection) -> None:
    provider = people.add_provider(connection, Provider("P", "EUR"))
    people.add_tenant(connection, Tenant(provider, "Noord", "EUR"), NOW)
    added = NewConnector(KNOWN.number, UUID_ONE, 1, b"k" * 32, "hash", "classic", NOW)
    assert connectors.add(connection, added)


class _House:
    """A gateway's links with a bus and records, in real time: threads do the database's work."""

    def __init__(self, world: LinkWorld, database: Database, log: FilteringBoundLogger) -> None:
        self.world = world
        self.database = database
        self.bus = MemoryBus()
        self.upkeep = LinkUpkeep(world.registry, database, self.bus, world.clock, log)
        self.device = DialledConnector(world)

    async def pass_on(self) -> None:
        """Give the bus what the registry published since the last time."""
        await settle()
        events, self.world.published[:] = list(self.world.published), []
        for event in events:
            await self.bus.publish(event)
        # The upkeep handles events one after the other, writes included.
        await self.database.write(_nothing)
        await settle()
        await self.database.write(_nothing)

    async def last_vin(self) -> str | None:
        found = await self.database.read(connectors.by_uuid, UUID_ONE)
        assert found is not None
        return found.last_vin


def _nothing(_connection: Connection) -> None:
    """Wait for the writers in front."""


async def test_what_outlives_the_link_is_stored_once_for_each_change(
    database: Database, log: FilteringBoundLogger
) -> None:
    await database.write(_fill)
    async with open_world() as world:
        house = _House(world, database, log)
        await world.nursery.start(house.upkeep.run)
        await world.nursery.start(house.device.connect)
        house.device.send(StatusReport(VIN, 12_000))
        await house.pass_on()
        assert await house.last_vin() == VIN
        first = world.clock.now
        world.clock.advance(60)
        house.device.send(StatusReport(VIN, 12_500))  # voltage alone: nothing to store
        await house.pass_on()
        found = await database.read(connectors.by_uuid, UUID_ONE)
        assert found is not None
        assert found.last_seen_at == first


@pytest.mark.slow
async def test_a_disabled_connector_is_sent_away_however_many_report(
    database: Database, log: FilteringBoundLogger
) -> None:
    await database.write(_fill)
    async with open_world() as world:
        house = _House(world, database, log)
        await world.nursery.start(house.upkeep.run)
        await world.nursery.start(house.device.connect)
        noise = Event(
            STATUS_EVENT, "connector:2", 7, {"connector_uuid": str(UUID_ONE)}, world.clock()
        )
        disabled = Event(DISABLED, "connector:1", 7, {"uuid": str(UUID_ONE)}, world.clock())
        await house.bus.publish(disabled)
        for _ in range(5000):
            await house.bus.publish(noise)
        await until(lambda: isinstance(house.device.told[-1], Closed))
        closed = house.device.told[-1]
        assert isinstance(closed, Closed)
        assert closed.code == CloseCode.DISABLED


class _Away:
    """A database that is away for a while; notes what got through."""

    def __init__(self) -> None:
        self.failures = 1
        self.stored: list[ConnectorStatus] = []

    async def write(self, _query: object, due: dict[UUID, ConnectorStatus], _at: object) -> None:
        await trio.lowlevel.checkpoint()
        if self.failures:
            self.failures -= 1
            raise Unavailable("database.unavailable", "away")
        self.stored += due.values()


async def test_a_database_that_is_away_costs_a_line_and_is_asked_again(
    log: FilteringBoundLogger, logged: CapturingLogger, autojump_clock: MockClock
) -> None:
    async with open_world() as world:
        away, bus = _Away(), MemoryBus()
        upkeep = LinkUpkeep(world.registry, cast("Database", away), bus, world.clock, log)
        await world.nursery.start(upkeep.run)
        await world.nursery.start(DialledConnector(world).connect)
        await settle()
        for _ in range(3):
            await bus.publish(world.published[0])
        await settle()
        await trio.sleep(3 * GATHER)
        assert [call.kwargs["event"] for call in logged.calls] == ["connector status not stored"]
        assert len(away.stored) == 1
        assert away.stored[0].software_version == 12


async def test_what_changes_within_a_moment_is_stored_together(
    log: FilteringBoundLogger, autojump_clock: MockClock
) -> None:
    async with open_world() as world:
        away, bus = _Away(), MemoryBus()
        away.failures = 0
        upkeep = LinkUpkeep(world.registry, cast("Database", away), bus, world.clock, log)
        await world.nursery.start(upkeep.run)
        device = DialledConnector(world)
        await world.nursery.start(device.connect)
        for vin in ("WVWZZZAUZKW123456", "WVWZZZAUZKW123457", "WVWZZZAUZKW123458"):
            device.send(StatusReport(vin, 12_000))
        await settle()
        for event in world.published:
            await bus.publish(event)
        await trio.sleep(3 * GATHER)
        assert [status.vin for status in away.stored] == ["WVWZZZAUZKW123458"]
