"""The other nodes: each gives a sign of life now and then, and counts as gone without.

Nobody is given up while the line between nodes is down: then nobody can be heard, and whoever was
there is most likely still there. What the last signs said holds until the line is back, and is
tried: nodes reach each other directly, without the line.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import msgspec
import trio

from gateway.bus.notices import Notices

BEAT, LEAVING = "nodes.beat", "nodes.leaving"

#: Signs of life in the length of one lease: two may be lost.
BEATS_PER_LEASE = 4

#: Hexadecimal digits that tell one start of one node from every other.
TAG_SIZE = 8

#: Seconds in which the goodbye gets onto the line, which is closed behind it.
FAREWELL = 0.1

#: Other nodes that are kept; more would be somebody's mistake.
MOST_PEERS = 256


def new_name(given: str) -> str:
    """Return this start's name: what people gave it, and a tag that no other start has."""
    tag = secrets.token_hex(TAG_SIZE // 2)
    return f"{given or 'node'}-{tag}"


def tag_of(node: str) -> str:
    """Return the tag at the end of a node's name; ids of what lives there begin with it."""
    return node[-TAG_SIZE:]


class Beat(msgspec.Struct, array_like=True, frozen=True):
    """A node is there.

    Attributes:
        address: ``host:port`` at which other nodes reach it; empty while nobody can.
        draining: it is about to end: what is new goes elsewhere.
    """

    address: str
    draining: bool


class Leaving(msgspec.Struct, array_like=True, frozen=True):
    """A node ends, in good order."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Another node.

    Attributes:
        node: its name.
        address: as it said last.
        draining: likewise.
        heard: when it was heard last, Trio's clock.
    """

    node: str
    address: str
    draining: bool
    heard: float


class Peers:
    """Owns what is known of other nodes; :meth:`run` is its service.

    Args:
        notices: between nodes.
        lease: seconds without a sign of life after which a node is gone.

    Attributes:
        address: of this node, once it can be reached.
        on_join: called with the name of a node that was not there before.
        on_leave: called with the name of a node that is gone.
    """

    def __init__(self, notices: Notices, lease: float) -> None:
        self.address = ""
        self.draining = False
        self.on_join: list[Callable[[str], None]] = []
        self.on_leave: list[Callable[[str], None]] = []
        self._notices = notices
        self._lease = lease
        self._peers: dict[str, Peer] = {}
        self._up_since = float("inf")
        notices.hear(BEAT, Beat, self._heard)
        notices.hear(LEAVING, Leaving, lambda node, _: self._gone(node))
        notices.on_up.append(self._up)
        notices.on_down.append(self._down)

    def __iter__(self) -> Iterator[Peer]:
        return iter(list(self._peers.values()))

    def __len__(self) -> int:
        return len(self._peers)

    def find(self, node: str) -> Peer | None:
        """Return the node of this name, if it is there."""
        return self._peers.get(node)

    def tagged(self, tag: str) -> Peer | None:
        """Return the node whose things have this tag."""
        return next((peer for peer in self if tag_of(peer.node) == tag), None)

    def tell(self) -> None:
        """Give a sign of life now."""
        self._notices.say(BEAT, Beat(self.address, self.draining))

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Give signs of life and look for those of others, until cancelled; then say goodbye."""
        task_status.started()
        try:
            while True:
                self.tell()
                await trio.sleep(self._lease / BEATS_PER_LEASE)
                self._look(trio.current_time())
        finally:
            if self._notices.say(LEAVING, Leaving()):
                with trio.CancelScope(shield=True):
                    await trio.sleep(FAREWELL)

    def _look(self, now: float) -> None:
        if now - self._up_since < self._lease:
            return  # nobody had the time to be heard
        for peer in self:
            if peer.heard < now - self._lease:
                self._gone(peer.node)

    def _up(self) -> None:
        self._up_since = trio.current_time()
        self.tell()

    def _down(self) -> None:
        self._up_since = float("inf")

    def _heard(self, node: str, beat: Beat) -> None:
        known = node in self._peers
        if not known and len(self._peers) >= MOST_PEERS:
            return
        self._peers[node] = Peer(node, beat.address, beat.draining, trio.current_time())
        if not known:
            self.tell()  # whoever is new knows nobody
            for tell in self.on_join:
                tell(node)

    def _gone(self, node: str) -> None:
        if self._peers.pop(node, None) is not None:
            for tell in self.on_leave:
                tell(node)
