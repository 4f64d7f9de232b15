from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from uuid import UUID

import pytest
import trio
from structlog.typing import FilteringBoundLogger
from trio.testing import MockClock

from gateway.nodes.drain import Drain
from protocols.link.events import Closed
from protocols.link.messages import CloseCode
from tests.support.line_room import Room
from tests.support.link_world import KNOWN, UUID_ONE, DialledConnector, settle
from tests.support.node_world import NodeInMemory, open_node

SECONDS = 5.0


class Draining:
    """A node that drains, and its connectors."""

    def __init__(self, node: NodeInMemory, log: FilteringBoundLogger) -> None:
        self.node = node
        self.readiness = trio.Event()
        registry, peers = node.links.registry, node.peers
        self.drain = Drain(registry, peers, self.readiness, SECONDS, log)
        self.ended = trio.Event()

    async def run(self) -> None:
        await self.drain.run()
        self.ended.set()

    async def dial(self, number: int = 0) -> DialledConnector:
        """Return a connector that has dialled in; each number is another one."""
        uuid = UUID(int=UUID_ONE.int + number)
        self.node.links.known[uuid] = replace(KNOWN, uuid=uuid, number=KNOWN.number + number)
        device = DialledConnector(self.node.links, uuid=str(uuid))
        await self.node.links.nursery.start(device.connect)
        await settle()
        return device


@asynccontextmanager
async def draining(
    log: FilteringBoundLogger, *, alone: bool = False
) -> AsyncIterator[tuple[Draining, NodeInMemory]]:
    room = Room()
    async with open_node("a", room, log) as a, open_node("b", Room() if alone else room, log) as b:
        await settle()
        it = Draining(a, log)
        a.links.nursery.start_soon(it.run)
        yield it, b


def ends(device: DialledConnector) -> list[int]:
    return [event.code for event in device.told if isinstance(event, Closed)]


async def test_idle_connectors_are_told_to_move_a_few_at_a_time(
    log: FilteringBoundLogger, autojump_clock: MockClock
) -> None:
    async with draining(log) as (a, b):
        devices = [await a.dial(number) for number in range(40)]
        began = trio.current_time()
        a.drain.stop()
        await trio.sleep(SECONDS / 2)
        assert a.readiness.is_set()
        [peer] = b.peers
        assert peer.draining
        moved = [device for device in devices if ends(device)]
        assert 15 <= len(moved) <= 25
        await a.ended.wait()
        assert trio.current_time() - began == pytest.approx(SECONDS, abs=0.5)
        assert [ends(device) for device in devices] == [[CloseCode.RESTARTING]] * 40


async def test_who_is_worked_on_stays_until_that_ends(
    log: FilteringBoundLogger, autojump_clock: MockClock
) -> None:
    async with draining(log) as (a, _):
        device = await a.dial()
        live = a.node.links.registry.require(UUID_ONE)
        live.open_session("s", writer=True, grace=1)
        a.drain.stop()
        await a.ended.wait()
        assert ends(device) == []
        assert live.connected


async def test_nobody_begins_a_link_at_a_node_that_ends(
    log: FilteringBoundLogger, autojump_clock: MockClock
) -> None:
    async with draining(log) as (a, b):
        await a.dial(1)
        a.drain.stop()
        await settle()
        late = DialledConnector(a.node.links)
        a.node.links.nursery.start_soon(late.connect)
        await trio.sleep(1)
        assert ends(late) == [CloseCode.OVERLOADED]
        elsewhere = DialledConnector(b.links)
        await b.links.nursery.start(elsewhere.connect)
        assert b.links.registry.require(UUID_ONE).connected


async def test_a_node_that_is_the_only_one_keeps_its_connectors_to_the_end(
    log: FilteringBoundLogger, autojump_clock: MockClock
) -> None:
    async with draining(log, alone=True) as (a, _):
        device = await a.dial()
        a.drain.stop()
        await a.ended.wait()
        assert a.readiness.is_set()
        assert ends(device) == []
