from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
import trio
from structlog.typing import FilteringBoundLogger
from trio.testing import MockClock

from gateway.domain.connector import OFFLINE
from gateway.domain.errors import Elsewhere, Unavailable
from gateway.links.registry import STATUS_EVENT
from protocols.link.events import Closed
from protocols.link.messages import CloseCode, StatusReport
from tests.support.line_room import Room
from tests.support.link_world import UUID_ONE, DialledConnector, settle
from tests.support.node_world import LEASE, NodeInMemory, open_node


@pytest.fixture
def room() -> Room:
    return Room()


@asynccontextmanager
async def two_nodes(
    room: Room, log: FilteringBoundLogger
) -> AsyncIterator[tuple[NodeInMemory, NodeInMemory]]:
    async with open_node("a", room, log) as a, open_node("b", room, log) as b:
        await settle()
        yield a, b


async def dial(node: NodeInMemory) -> DialledConnector:
    device = DialledConnector(node.links)
    await node.links.nursery.start(device.connect)
    await settle()
    return device


async def test_a_connector_is_seen_from_every_node(
    room: Room, log: FilteringBoundLogger, autojump_clock: MockClock
) -> None:
    async with two_nodes(room, log) as (a, b):
        device = await dial(a)
        assert b.links.registry.status(UUID_ONE).online
        device.send(StatusReport("WVWZZZAUZKW123456", 12_600, ignition=True))
        await settle()
        there, here = b.links.registry.status(UUID_ONE), a.links.registry.status(UUID_ONE)
        assert there == here
        assert (there.vin, there.voltage) == ("WVWZZZAUZKW123456", 12.6)
        assert b.links.registry.find(UUID_ONE) is None
        with pytest.raises(Elsewhere) as elsewhere:
            b.links.registry.require(UUID_ONE)
        assert elsewhere.value.node == a.notices.node
        assert b.links.registry.is_elsewhere(UUID_ONE)
        assert not a.links.registry.is_elsewhere(UUID_ONE)


async def test_the_newest_dial_in_wins_across_nodes(
    room: Room, log: FilteringBoundLogger, autojump_clock: MockClock
) -> None:
    async with two_nodes(room, log) as (a, b):
        first = await dial(a)
        a.links.registry.require(UUID_ONE).open_session("s", writer=True, grace=1)
        await dial(b)
        assert a.links.registry.find(UUID_ONE) is None
        assert b.links.registry.require(UUID_ONE).connected
        [ended] = [event for event in first.told if isinstance(event, Closed)]
        assert ended.code == CloseCode.REPLACED
        assert a.links.registry.status(UUID_ONE).online
        # Only the node that has it says how it is: nobody hears that it went away.
        assert all(told["online"] for told in a.links.statuses())


async def test_a_clock_that_is_behind_changes_nothing_for_who_was_heard_of(
    room: Room, log: FilteringBoundLogger, autojump_clock: MockClock
) -> None:
    async with two_nodes(room, log) as (a, b):
        a.clock.advance(2.0)
        await dial(a)
        b.clock.advance(-3600.0)
        await dial(b)
        assert a.links.registry.find(UUID_ONE) is None
        assert b.links.registry.find(UUID_ONE) is not None


async def test_two_that_both_have_it_after_an_outage_agree(
    room: Room, log: FilteringBoundLogger, autojump_clock: MockClock
) -> None:
    async with two_nodes(room, log) as (a, b):
        await dial(a)
        room.cut()
        b.clock.advance(5.0)
        await dial(b)
        assert a.links.registry.find(UUID_ONE) is not None  # nobody told it
        room.mend()
        await settle()
        assert a.links.registry.find(UUID_ONE) is None
        assert a.whereabouts.node_of(UUID_ONE) == b.notices.node
        assert b.links.registry.require(UUID_ONE).connected


async def test_a_connector_that_stays_away_is_offline_everywhere(
    room: Room, log: FilteringBoundLogger, autojump_clock: MockClock
) -> None:
    async with two_nodes(room, log) as (a, b):
        device = await dial(a)
        device.cut()
        await trio.sleep(30)
        assert b.links.registry.status(UUID_ONE).online  # it may resume there
        await trio.sleep(40)
        assert b.links.registry.status(UUID_ONE) == OFFLINE
        with pytest.raises(Unavailable, match="offline"):
            b.links.registry.require(UUID_ONE)


async def test_a_node_that_dies_takes_its_connectors_along_and_others_hear_of_it(
    room: Room, log: FilteringBoundLogger, autojump_clock: MockClock
) -> None:
    async with AsyncExitStack() as nodes:
        b = await nodes.enter_async_context(open_node("b", room, log))
        async with open_node("a", room, log) as a:
            await settle()
            await dial(a)
            assert len(b.whereabouts) == 1
            silent = trio.current_time()
            a.notices.say = lambda *_, **__: True  # type: ignore[method-assign] # it hangs
            await trio.sleep(LEASE * 1.5)
        [told] = b.near
        assert (told.type, told.subject, told.tenant_id) == (
            STATUS_EVENT,
            "connector:100000001",
            7,
        )
        assert told.payload["online"] is False
        assert b.whereabouts.node_of(UUID_ONE) is None
        assert trio.current_time() - silent < 60


async def test_who_was_cut_off_hears_what_it_missed(
    room: Room, log: FilteringBoundLogger, autojump_clock: MockClock
) -> None:
    async with two_nodes(room, log) as (a, b):
        room.cut()
        await dial(a)
        assert b.links.registry.status(UUID_ONE) == OFFLINE
        room.mend()
        await settle()
        assert b.links.registry.status(UUID_ONE).online


async def test_a_node_that_comes_later_learns_what_is_there(
    room: Room, log: FilteringBoundLogger, autojump_clock: MockClock
) -> None:
    async with open_node("a", room, log) as a:
        await dial(a)
        async with open_node("b", room, log) as b:
            await settle()
            assert b.links.registry.status(UUID_ONE).online


async def test_a_connector_that_is_disabled_is_gone_everywhere(
    room: Room, log: FilteringBoundLogger, autojump_clock: MockClock
) -> None:
    async with two_nodes(room, log) as (a, b):
        await dial(a)
        a.links.registry.disconnect(UUID_ONE, CloseCode.DISABLED, "disabled")
        await settle()
        assert b.links.registry.status(UUID_ONE) == OFFLINE
