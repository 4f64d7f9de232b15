from __future__ import annotations

import pytest
import trio
from structlog.typing import FilteringBoundLogger
from trio.testing import MockClock

from gateway.bus.notices import Notices
from gateway.nodes.peers import Peers, new_name, tag_of
from tests.support.line_room import Room
from tests.support.link_world import settle

LEASE = 10.0


class Node:
    """One node, which can be stopped like a process that is killed."""

    def __init__(self, name: str, room: Room, log: FilteringBoundLogger) -> None:
        self.notices = Notices(room.line(), name, log)
        self.peers = Peers(self.notices, LEASE)
        self.peers.address = f"{name}:1"
        self.told: list[str] = []
        self.peers.on_join.append(lambda node: self.told.append(f"+{node}"))
        self.peers.on_leave.append(lambda node: self.told.append(f"-{node}"))
        self.scope = trio.CancelScope()

    async def run(self) -> None:
        async with trio.open_nursery() as nursery:
            await nursery.start(self.notices.run)
            with self.scope:
                await self.peers.run()
            nursery.cancel_scope.cancel()

    def names(self) -> set[str]:
        return {peer.node for peer in self.peers}


@pytest.fixture
def room() -> Room:
    return Room()


def test_each_start_has_a_name_of_its_own() -> None:
    one, other = new_name("gw1"), new_name("gw1")
    assert one != other
    assert one == f"gw1-{tag_of(one)}"
    assert len(bytes.fromhex(tag_of(one))) == 4
    assert new_name("").startswith("node-")


async def test_nodes_find_each_other_at_once(
    room: Room, log: FilteringBoundLogger, autojump_clock: MockClock
) -> None:
    a, b = Node("a-00000001", room, log), Node("b-00000002", room, log)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(a.run)
        await trio.sleep(3)
        nursery.start_soon(b.run)
        await settle()
        assert (a.names(), b.names()) == ({"b-00000002"}, {"a-00000001"})
        found = b.peers.tagged("00000001")
        assert found is not None
        assert found.address == "a-00000001:1"
        assert b.peers.tagged("0000000f") is None
        nursery.cancel_scope.cancel()


async def test_who_leaves_in_good_order_is_gone_at_once(
    room: Room, log: FilteringBoundLogger, autojump_clock: MockClock
) -> None:
    a, b = Node("a-00000001", room, log), Node("b-00000002", room, log)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(a.run)
        nursery.start_soon(b.run)
        await trio.sleep(1)
        a.scope.cancel()
        await settle()
        assert b.told == ["+a-00000001", "-a-00000001"]
        nursery.cancel_scope.cancel()


async def test_who_gives_no_sign_of_life_is_gone_after_its_lease(
    room: Room,
    log: FilteringBoundLogger,
    autojump_clock: MockClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    a, b = Node("a-00000001", room, log), Node("b-00000002", room, log)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(a.run)
        nursery.start_soon(b.run)
        await trio.sleep(LEASE * 3)
        assert b.told == ["+a-00000001"]
        monkeypatch.setattr(a.notices, "say", lambda *_, **__: True)  # as a process that hangs
        await trio.sleep(LEASE * 0.7)
        assert len(b.peers) == 1
        await trio.sleep(LEASE * 0.7)
        assert b.told == ["+a-00000001", "-a-00000001"]
        nursery.cancel_scope.cancel()


async def test_nobody_is_given_up_while_nobody_can_be_heard(
    room: Room, log: FilteringBoundLogger, autojump_clock: MockClock
) -> None:
    a, b = Node("a-00000001", room, log), Node("b-00000002", room, log)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(a.run)
        nursery.start_soon(b.run)
        await trio.sleep(1)
        room.cut()
        await trio.sleep(LEASE * 10)
        assert b.told == ["+a-00000001"]
        a.scope.cancel()  # dies while the line is down: nobody hears it
        await settle()
        room.mend()
        await trio.sleep(LEASE * 0.9)
        assert b.told == ["+a-00000001"]
        await trio.sleep(LEASE * 0.5)
        assert b.told == ["+a-00000001", "-a-00000001"]
        nursery.cancel_scope.cancel()
