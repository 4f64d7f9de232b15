"""A session on a connector whose vehicle is a function, and a place for doors to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import structlog

from gateway.config import DoorSettings
from gateway.domain.principal import OperatorPrincipal
from gateway.doors.place import Place
from gateway.doors.ports import open_ports
from gateway.doors.service import DoorService
from gateway.doors.strangers import Strangers
from gateway.runtime.guard import failure_counter
from gateway.runtime.metrics import Metrics
from gateway.sessions.limits import SessionLimits
from gateway.sessions.service import SessionService
from gateway.sessions.session import Session
from protocols.link.messages import StatusReport
from protocols.link.vehicle import BusInfo, Capabilities, EcuInfo
from tests.support.link_world import UUID_ONE, DialledConnector, LinkWorld, open_world, settle

ALICE, BOB = OperatorPrincipal("alice", 3), OperatorPrincipal("bob", 3)
VIN = "WVWZZZ1KZAW000123"

CAPABILITIES = Capabilities(
    buses=(BusInfo("can0", "can", 500_000), BusInfo("can1", "can", 250_000)),
    ecus=(
        EcuInfo("engine", "can0", 0x7E0, 0x7E8),
        EcuInfo("gearbox", "can0", 0x7E1, 0x7E9),
        EcuInfo("doors", "can1", 0x7E0, 0x7E8),
    ),
)


@dataclass
class Hall:
    """Sessions of a gateway, one open on its only connector."""

    world: LinkWorld
    device: DialledConnector
    sessions: SessionService
    session: Session
    metrics: Metrics = field(default_factory=Metrics)

    @asynccontextmanager
    async def place(self, settings: DoorSettings | None = None) -> AsyncIterator[Place]:
        """Give the block a place with a port."""
        chosen = settings or DoorSettings()
        ports = await open_ports(chosen, udp=False)
        try:
            yield Place(
                sessions=self.sessions,
                session=self.session,
                settings=chosen,
                ports=ports,
                clock=self.world.clock,
                log=structlog.get_logger(),
                failures=failure_counter(self.metrics),
                strangers=Strangers(chosen.wrong_keys),
            )
        finally:
            ports.close()

    async def doors(self, settings: DoorSettings | None = None) -> DoorService:
        """Start a service for doors."""
        service = DoorService(
            self.sessions,
            settings or DoorSettings(),
            self.world.clock,
            structlog.get_logger(),
            self.metrics,
        )
        await self.world.nursery.start(service.serve)
        return service


@asynccontextmanager
async def open_hall(capabilities: Capabilities = CAPABILITIES) -> AsyncIterator[Hall]:
    """Open a session for the block."""
    async with open_world() as world:
        device = DialledConnector(world, capabilities=capabilities)
        await world.nursery.start(device.connect)
        device.send(StatusReport(vin=VIN, voltage_mv=12_400, ignition=True))
        await settle()
        sessions = SessionService(
            world.registry, SessionLimits(), world.clock, world.published.append
        )
        await world.nursery.start(sessions.serve)
        session = sessions.open(ALICE, UUID_ONE, ticket_id=None)
        await settle()
        yield Hall(world, device, sessions, session)
        world.nursery.cancel_scope.cancel()
