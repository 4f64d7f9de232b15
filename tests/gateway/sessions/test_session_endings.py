from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import trio
from trio.testing import MockClock

from gateway.bus.memory import MemoryBus
from gateway.domain.events import Event
from gateway.domain.principal import OperatorPrincipal
from gateway.identity.operators import DISABLED
from gateway.sessions.endings import (
    CANCELLED,
    CLOSED,
    OUTSOURCED,
    RECLAIMED,
    RETURNED,
    TicketEndings,
)
from gateway.sessions.leasing import SAFE_STATE_LIMIT
from gateway.sessions.limits import SessionLimits
from gateway.sessions.service import SessionService
from gateway.sessions.session import EndReason, Session, SessionState
from tests.support.link_world import UUID_ONE, DialledConnector, LinkWorld, open_world, settle

ALICE, BOB = OperatorPrincipal("alice", 3), OperatorPrincipal("bob", 3)


class _Desk:
    """Sessions that follow a bus."""

    def __init__(self, world: LinkWorld, device: DialledConnector) -> None:
        self.world = world
        self.device = device
        self.bus = MemoryBus()
        self.told: list[Event] = []
        self.sessions = SessionService(
            world.registry, SessionLimits(), world.clock, self.told.append
        )

    def open(self, operator: OperatorPrincipal, ticket: int) -> Session:
        return self.sessions.open(operator, UUID_ONE, ticket_id=ticket)

    async def publish(self, kind: str, **payload: object) -> None:
        await self.bus.publish(Event(kind, "subject:1", None, payload, self.world.clock()))

    def reasons(self) -> list[object]:
        return [e.payload["reason"] for e in self.told if e.type == "sessions.session.ended"]


@pytest.fixture
async def desk(autojump_clock: MockClock) -> AsyncIterator[_Desk]:
    async with open_world() as world:
        device = DialledConnector(world)
        await world.nursery.start(device.connect)
        desk = _Desk(world, device)
        await world.nursery.start(TicketEndings(desk.sessions, desk.bus).run)
        yield desk


@pytest.mark.parametrize("kind", [CLOSED, CANCELLED])
async def test_a_session_ends_with_its_ticket(
    desk: _Desk, kind: str, autojump_clock: MockClock
) -> None:
    ended, other = desk.open(ALICE, 1), desk.open(ALICE, 2)
    await desk.publish(kind, ticket_id=1)
    await settle()
    assert (ended.state, other.state) == (SessionState.ENDED, SessionState.ACTIVE)
    assert desk.reasons() == [EndReason.TICKET]


@pytest.mark.parametrize("kind", [OUTSOURCED, RECLAIMED, RETURNED])
async def test_a_ticket_that_moves_ends_the_sessions_of_who_had_it(
    desk: _Desk, kind: str, autojump_clock: MockClock
) -> None:
    owner, other = desk.open(ALICE, 1), desk.open(OperatorPrincipal("carol", 4), 1)
    await desk.publish(kind, ticket_id=1, outsource={"id": "x", "provider_id": 4})
    await settle()
    ended, goes_on = (owner, other) if kind == OUTSOURCED else (other, owner)
    assert (ended.state, goes_on.state) == (SessionState.ENDED, SessionState.ACTIVE)


async def test_a_session_ends_with_its_operators_access(
    desk: _Desk, autojump_clock: MockClock
) -> None:
    ended, other = desk.open(ALICE, 1), desk.open(BOB, 1)
    await desk.publish(DISABLED, client_id="alice")
    await settle()
    assert (ended.state, other.state) == (SessionState.ENDED, SessionState.ACTIVE)


async def test_one_vehicle_that_takes_its_time_delays_no_other_ending(
    desk: _Desk, autojump_clock: MockClock
) -> None:
    desk.device.closes = False
    sessions = [desk.open(ALICE, ticket) for ticket in range(10)]
    for ticket in range(10):
        await desk.publish(CLOSED, ticket_id=ticket)
    await trio.sleep(SAFE_STATE_LIMIT + 0.1)
    assert {session.state for session in sessions} == {SessionState.ENDED}
    assert len(desk.reasons()) == 10
