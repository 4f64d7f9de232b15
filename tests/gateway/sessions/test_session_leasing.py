from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
import trio
from trio.testing import MockClock

from gateway.domain.errors import Conflict
from gateway.domain.events import Event
from gateway.domain.principal import OperatorPrincipal
from gateway.runtime.feeds import Feed
from gateway.sessions.leasing import SAFE_STATE_LIMIT
from gateway.sessions.limits import SessionLimits
from gateway.sessions.service import SessionService
from gateway.sessions.session import EndReason, Session, SessionNews, SessionState
from protocols.link.delivery import DeliveryLimits
from protocols.link.messages import SessionClose, SessionOpen
from protocols.link.vehicle import CanTarget
from tests.support.link_world import UUID_ONE, DialledConnector, LinkWorld, open_world, settle

ALICE, BOB = OperatorPrincipal("alice", 3), OperatorPrincipal("bob", 3)
TARGET = CanTarget(0x7E0, 0x7E8)
NOTICE, UNUSED = 30.0, 900.0


class _Desk:
    def __init__(self, world: LinkWorld, device: DialledConnector) -> None:
        self.world = world
        self.device = device
        self.told: list[Event] = []
        limits = SessionLimits(take_over_notice=NOTICE, lease_idle=UNUSED)
        self.service = SessionService(world.registry, limits, world.clock, self.told.append)

    def open(self, operator: OperatorPrincipal = ALICE) -> Session:
        return self.service.open(operator, UUID_ONE, ticket_id=None)

    async def ask(self, session: Session) -> None:
        await self.service.exchange(session, TARGET, b"\x3e\x00")

    def active(self, session: Session) -> bool:
        return session.state is SessionState.ACTIVE

    def leases(self) -> list[tuple[object, object]]:
        told = [event.payload for event in self.told if event.type == "sessions.session.lease"]
        return [(payload["client_id"], payload["lease"]) for payload in told]


@asynccontextmanager
async def _desk(*, window: float = 60.0) -> AsyncIterator[_Desk]:
    async with open_world(window=window) as world:
        device = DialledConnector(world)
        await world.nursery.start(device.connect)
        await settle()
        desk = _Desk(world, device)
        await world.nursery.start(desk.service.serve)
        yield desk


async def _next(feed: Feed[SessionNews], kind: str) -> dict[str, object]:
    with trio.fail_after(2 * UNUSED):
        while True:
            news = await feed.receive()
            if news.kind == kind:
                return news.body


async def test_a_holder_has_notice_and_then_loses_its_lease(autojump_clock: MockClock) -> None:
    async with _desk() as desk:
        holder, taker = desk.open(), desk.open(BOB)
        began = trio.current_time()
        with holder.watch() as theirs, taker.watch() as ours:
            desk.service.acquire_lease(taker, take_over=True)
            notice = await _next(theirs, "lease")
            assert notice["lease"] == "writer"
            moves_at = (desk.world.clock.now + timedelta(seconds=NOTICE)).isoformat()
            told = {"by": "bob", "moves_at": moves_at, "seconds": NOTICE}
            assert notice["take_over"] == told
            assert await _next(ours, "lease") == {"lease": "reader", "take_over": told}
            await trio.sleep(NOTICE - 1)
            await desk.ask(holder)  # to the last moment
            assert await _next(theirs, "lease") == {"lease": "reader", "reason": "take_over"}
            assert await _next(theirs, "safe_state") == {"safe": True, "detail": ""}
            assert await _next(ours, "lease") == {"lease": "writer"}
        assert trio.current_time() - began == pytest.approx(NOTICE, abs=1.1)
        assert (holder.writer, taker.writer) == (False, True)
        await desk.ask(taker)
        with pytest.raises(Conflict):
            await desk.ask(holder)
        assert desk.leases() == [("alice", "reader"), ("bob", "writer")]
        # The vehicle was made safe before the next writer began, and the former one reads on.
        kinds = (SessionOpen, SessionClose)
        assert [message for message in desk.device.got if isinstance(message, kinds)][2:] == [
            SessionClose(holder.id),
            SessionOpen(holder.id, False, 30_000),
            SessionOpen(taker.id, True, 30_000),
        ]
        await trio.sleep(5)
        assert holder.state is SessionState.ACTIVE


async def test_a_free_lease_is_taken_over_at_once(autojump_clock: MockClock) -> None:
    async with _desk() as desk:
        holder, taker = desk.open(), desk.open(BOB)
        await desk.service.end(holder, EndReason.OPERATOR)
        desk.service.acquire_lease(taker, take_over=True)
        assert taker.writer
        desk.service.acquire_lease(taker, take_over=True)
        assert desk.service.leasing.view(taker).moves_at is None


async def test_a_lease_given_up_goes_to_whoever_waits(autojump_clock: MockClock) -> None:
    async with _desk() as desk:
        holder, taker = desk.open(), desk.open(BOB)
        desk.service.acquire_lease(taker, take_over=True)
        await desk.service.leasing.release(holder)
        assert (holder.writer, taker.writer) == (False, True)
        await desk.service.leasing.release(taker)
        assert desk.service.leasing.view(holder).free
        desk.service.acquire_lease(holder)
        assert holder.writer


async def test_the_end_of_the_holder_hands_over_too(autojump_clock: MockClock) -> None:
    async with _desk() as desk:
        holder, taker = desk.open(), desk.open(BOB)
        desk.service.acquire_lease(taker, take_over=True)
        await desk.service.end(holder, EndReason.OPERATOR)
        assert taker.writer


async def test_one_waits_at_a_time_and_may_think_again(autojump_clock: MockClock) -> None:
    async with _desk() as desk:
        holder, taker, third = desk.open(), desk.open(BOB), desk.open(BOB)
        desk.service.acquire_lease(taker, take_over=True)
        first = desk.service.leasing.view(taker).moves_at
        await trio.sleep(5)
        desk.service.acquire_lease(taker, take_over=True)  # asking again gains and costs nothing
        assert first is not None
        with pytest.raises(Conflict) as refused:
            desk.service.acquire_lease(third, take_over=True)
        assert refused.value.code == "session.take_over_pending"
        with holder.watch() as feed:
            await desk.service.leasing.release(taker)
            assert await _next(feed, "lease") == {"lease": "writer", "take_over": None}
        desk.service.acquire_lease(third, take_over=True)
        await desk.service.end(third, EndReason.OPERATOR)
        await trio.sleep(2 * NOTICE)
        assert holder.writer


async def test_a_lease_that_is_not_used_expires(autojump_clock: MockClock) -> None:
    async with _desk() as desk:
        holder, other = desk.open(), desk.open(BOB)
        await trio.sleep(UNUSED - 10)
        await desk.ask(holder)
        await trio.sleep(UNUSED - 10)
        assert holder.writer
        desk.service.acquire_lease(holder)  # asking again is a use
        await trio.sleep(UNUSED - 10)
        assert holder.writer
        with holder.watch() as feed:
            assert await _next(feed, "lease") == {"lease": "reader", "reason": "expired"}
        await trio.sleep(1)
        assert desk.device.of(SessionClose) == [SessionClose(holder.id)]
        assert desk.service.leasing.view(other).free
        desk.service.acquire_lease(other)
        assert other.writer


async def test_a_job_keeps_its_lease(autojump_clock: MockClock) -> None:
    async with _desk() as desk:
        holder, taker, late = desk.open(), desk.open(BOB), desk.open(BOB)
        desk.service.acquire_lease(taker, take_over=True)
        desk.service.occupied.take(UUID_ONE, "job", TARGET)  # begun during the notice
        await trio.sleep(2 * UNUSED)
        assert holder.writer
        await desk.service.leasing.release(taker)
        with pytest.raises(Conflict) as refused:
            desk.service.acquire_lease(late, take_over=True)
        assert refused.value.code == "session.job_at_work"
        with pytest.raises(Conflict):
            await desk.service.leasing.release(holder)
        assert holder.writer
        desk.service.occupied.release(UUID_ONE, "job")
        await trio.sleep(2)
        assert not holder.writer


async def test_nobody_writes_while_the_vehicle_is_made_safe(autojump_clock: MockClock) -> None:
    async with _desk() as desk:
        holder, taker = desk.open(), desk.open(BOB)
        desk.device.closes = False
        desk.world.nursery.start_soon(desk.service.leasing.release, holder)
        await settle()
        for session in (holder, taker):
            with pytest.raises(Conflict):
                await desk.ask(session)
        with pytest.raises(Conflict):
            desk.service.acquire_lease(taker)
        desk.service.acquire_lease(taker, take_over=True)
        await trio.sleep(SAFE_STATE_LIMIT / 2)
        assert desk.active(holder), "it was not given up for its own good"
        await trio.sleep(SAFE_STATE_LIMIT)
        assert taker.writer
        # Nobody knows how the vehicle is for it any more: its session is over.
        assert not desk.active(holder)


async def test_a_link_lost_for_good_ends_the_move(autojump_clock: MockClock) -> None:
    async with _desk(window=5.0) as desk:
        holder, taker = desk.open(), desk.open(BOB)
        desk.device.cut()
        desk.world.nursery.start_soon(desk.service.leasing.release, holder)
        await trio.sleep(8)
        assert {holder.state, taker.state} == {SessionState.ENDED}
        assert desk.service.leasing.leases.is_free(UUID_ONE)


async def test_a_link_cut_for_a_moment_does_not_lose_the_move(autojump_clock: MockClock) -> None:
    async with _desk() as desk:
        holder, taker = desk.open(), desk.open(BOB)
        desk.service.acquire_lease(taker, take_over=True)
        await trio.sleep(NOTICE - 2)
        desk.device.cut()
        await trio.sleep(5)
        assert desk.service.leasing.view(taker).holder == "reader"
        await desk.world.nursery.start(desk.device.connect)
        await trio.sleep(2)
        assert desk.service.leasing.view(taker).holder == "writer"
        assert holder.state is SessionState.ACTIVE
        assert desk.device.of(SessionClose) == [SessionClose(holder.id)]


async def test_a_claimant_whose_connector_is_too_busy_does_not_block(
    autojump_clock: MockClock,
) -> None:
    async with _desk() as desk:
        holder, taker = desk.open(), desk.open(BOB)
        desk.service.acquire_lease(taker, take_over=True)
        desk.device.cut()
        await settle()
        desk.world.live.memory.delivery.limits = DeliveryLimits(queued=0)
        with taker.watch() as feed:
            await desk.service.end(holder, EndReason.SHUTDOWN)
            assert await _next(feed, "lease") == {"lease": "reader", "reason": "connector.busy"}
        assert desk.service.leasing.leases.is_free(UUID_ONE)
        assert not taker.writer
