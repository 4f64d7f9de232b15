"""What one node is made of: alone, or among others that share its database.

Alone there is no line to anybody; the same parts run, and nobody answers.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

from gateway.bus.line import Line, NoLine
from gateway.bus.live import LiveEvents
from gateway.bus.memory import MemoryBus
from gateway.bus.notices import Notices
from gateway.bus.spreading import Spreading
from gateway.bus.valkey import ValkeyLine
from gateway.config import Settings
from gateway.domain.clock import Clock
from gateway.links.elsewhere import Elsewhere
from gateway.nodes.peers import Peers, new_name, tag_of
from gateway.nodes.whereabouts import Whereabouts
from gateway.runtime.logs import Log
from gateway.runtime.metrics import Metrics
from gateway.storage.database import Database


@dataclass(frozen=True, slots=True)
class Node:
    """One node's parts, below everything that works with connectors.

    Attributes:
        name: of this start of this node.
        notices: to and from other nodes.
        peers: the other nodes.
        spreading: events to and from them.
        live: takes events of the moment for all nodes.
        near: the same for this node alone.
        elsewhere: connectors of other nodes.
    """

    name: str
    notices: Notices
    peers: Peers
    spreading: Spreading
    live: LiveEvents
    near: LiveEvents
    elsewhere: Elsewhere

    @property
    def tag(self) -> str:
        """What ids of this node's things begin with."""
        return tag_of(self.name)

    def services(self) -> Iterator[tuple[str, Callable[..., Awaitable[None]]]]:
        """Yield what runs, in order of its start; the goodbye to other nodes comes first."""
        yield "notices", self.notices.run
        yield "live events", self.live.run
        yield "live events of this node", self.near.run
        yield "events of other nodes", self.spreading.run
        yield "other nodes", self.peers.run


def build_node(
    settings: Settings,
    database: Database,
    bus: MemoryBus,
    clock: Clock,
    metrics: Metrics,
    log: Log,
) -> Node:
    """Return the parts of a node as configured.

    Args:
        settings: ``bus`` and ``node``.
        database: that all nodes share.
        bus: of this node.
        clock: wall clock.
        metrics: shows how many others there are.
        log: told when the line breaks.
    """
    name = new_name(settings.node.name)
    notices = Notices(line_of(settings, log), name, log)
    peers = Peers(notices, settings.node.lease)
    spreading = Spreading(bus, database, notices)
    near = LiveEvents(bus)
    whereabouts = Whereabouts(notices, peers, near.publish, clock)
    node = Node(name, notices, peers, spreading, LiveEvents(spreading), near, whereabouts)
    metrics.gauge("nodes_others", "Other nodes that give signs of life").set_function(
        peers.__len__
    )
    metrics.gauge("connectors_elsewhere", "Connectors at other nodes").set_function(
        whereabouts.__len__
    )
    return node


def line_of(settings: Settings, log: Log) -> Line:
    """Return the line to other nodes that is configured."""
    if settings.bus.url is None:
        return NoLine()
    return ValkeyLine(settings.bus.url.reveal(), settings.bus.channel, log)
