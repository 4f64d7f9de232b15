"""A node that is to end lets its work move to the others first.

From then on ``/readyz`` answers 503, and no connector begins a link here. Connectors that nobody
works on are told to come back, a few at a time: their next dial-in reaches another node, which
takes them over with their transfer jobs. What is left (websockets, sessions in work, and all there
is where this node is the only one) ends with the services behind this one.
"""

from __future__ import annotations

import trio

from gateway.links.registry import Registry
from gateway.nodes.peers import Peers
from gateway.runtime.logs import Log
from protocols.link.messages import CloseCode

#: Connectors are told in so many groups.
GROUPS = 20

_MOVE = "this node of the gateway ends: dial in again"


class Drain:
    """The service that is started last, and so stopped first.

    Args:
        registry: the connectors of this node.
        peers: the other nodes.
        draining: set when it begins.
        seconds: over which connectors are told to move.
        log: how many were.
    """

    def __init__(
        self, registry: Registry, peers: Peers, draining: trio.Event, seconds: float, log: Log
    ) -> None:
        self._registry = registry
        self._peers = peers
        self._draining = draining
        self._seconds = seconds
        self._log = log
        self._stopping = trio.Event()

    def stop(self) -> None:
        """Let :meth:`run` begin."""
        self._stopping.set()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Wait until stopped, then let work move; returns when what can has been told."""
        task_status.started()
        await self._stopping.wait()
        self._draining.set()
        self._peers.draining = True
        self._peers.tell()
        if any(not peer.draining for peer in self._peers):
            await self._move()

    async def _move(self) -> None:
        self._registry.leaving = True
        idle = [live for live in self._registry if not live.is_working]
        size = -(-len(idle) // GROUPS) or 1
        for begin in range(0, len(idle), size):
            for live in idle[begin : begin + size]:
                if not live.is_working:
                    live.end_connection(CloseCode.RESTARTING, _MOVE)
            await trio.sleep(self._seconds / GROUPS)
        self._log.info("connectors told to move", connectors=len(idle))
