"""Nodes of one gateway in memory: links, and what nodes tell each other, in virtual time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from structlog.typing import FilteringBoundLogger

from gateway.bus.notices import Notices
from gateway.domain.events import Event
from gateway.nodes.peers import Peers
from gateway.nodes.whereabouts import Whereabouts
from tests.settable_clock import SettableClock
from tests.support.line_room import Room
from tests.support.link_world import LinkWorld, open_world

#: Seconds without a sign of life after which a node is gone.
LEASE = 10.0


@dataclass
class NodeInMemory:
    """One node.

    Attributes:
        near: what it told its own websockets alone.
        clock: its wall clock.
    """

    notices: Notices
    peers: Peers
    whereabouts: Whereabouts
    links: LinkWorld
    near: list[Event]
    clock: SettableClock


@asynccontextmanager
async def open_node(
    name: str, room: Room, log: FilteringBoundLogger, *, window: float = 60.0
) -> AsyncIterator[NodeInMemory]:
    """Run a node for the block; it leaves in good order."""
    notices = Notices(room.line(), f"{name}-{name * 8}"[:10], log)
    peers = Peers(notices, LEASE)
    near: list[Event] = []
    clock = SettableClock()
    whereabouts = Whereabouts(notices, peers, near.append, clock)
    async with open_world(window=window, elsewhere=whereabouts) as links:
        links.nursery.start_soon(notices.run)
        links.nursery.start_soon(peers.run)
        yield NodeInMemory(notices, peers, whereabouts, links, near, clock)
