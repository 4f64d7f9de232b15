"""What one node is made of: alone, or among others that share its database.

Alone there is no line to anybody; the same parts run, and nobody answers.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

import trio

from gateway.bus.line import Line, NoLine
from gateway.bus.live import LiveEvents
from gateway.bus.memory import MemoryBus
from gateway.bus.notices import Notices
from gateway.bus.spreading import Spreading
from gateway.bus.valkey import ValkeyLine
from gateway.config import Settings
from gateway.domain.clock import Clock
from gateway.identity.sealing import Seal
from gateway.links.elsewhere import Elsewhere
from gateway.nodes.peers import Peers, new_name, tag_of
from gateway.nodes.reception import Reception
from gateway.nodes.shared_counts import SharedCounts
from gateway.nodes.visits import Application, Visits
from gateway.nodes.whereabouts import Whereabouts
from gateway.runtime.logs import Log
from gateway.runtime.metrics import Metrics
from gateway.runtime.supervise import Supervisor
from gateway.storage.database import Database

#: What the nodes' secret is derived for.
PURPOSE = "requests between nodes"


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
        visits: takes requests to other nodes.
        counts: what all nodes count together.
        several: there may be others, now or later.
        secrets: prove nodes to each other; the present one, and those before it.
    """

    name: str
    notices: Notices
    peers: Peers
    spreading: Spreading
    live: LiveEvents
    near: LiveEvents
    elsewhere: Elsewhere
    visits: Visits
    counts: SharedCounts
    several: bool
    secrets: tuple[bytes, ...]

    @property
    def tag(self) -> str:
        """What ids of this node's things begin with."""
        return tag_of(self.name)

    def services(self) -> Iterator[tuple[str, Callable[..., Awaitable[None]]]]:
        """Yield what runs, in order of its start; the goodbye to other nodes comes first."""
        yield "requests to other nodes", self.visits.run
        yield "notices", self.notices.run
        yield "live events", self.live.run
        yield "live events of this node", self.near.run
        yield "events of other nodes", self.spreading.run
        yield "other nodes", self.peers.run


def build_node(
    settings: Settings,
    database: Database,
    seal: Seal,
    bus: MemoryBus,
    clock: Clock,
    metrics: Metrics,
    log: Log,
) -> Node:
    """Return the parts of a node as configured.

    Args:
        settings: ``bus`` and ``node``.
        database: that all nodes share.
        seal: likewise.
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
    secrets = tuple(one.derive(PURPOSE) for one in (seal, *seal.older))
    node = Node(
        name,
        notices,
        peers,
        spreading,
        LiveEvents(spreading),
        near,
        whereabouts,
        Visits(peers, secrets[0]),
        SharedCounts(notices),
        settings.bus.url is not None,
        secrets,
    )
    metrics.gauge("bus_up", "The line to other nodes carries").set_function(
        lambda: float(notices.is_up)
    )
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


async def receive_others(
    services: Supervisor,
    node: Node,
    application: Application,
    settings: Settings,
    log: Log,
    metrics: Metrics,
    stopping: trio.Event,
) -> None:
    """Let other nodes bring requests to ``application``, where there are others.

    ``stopping`` is set when no more are taken.

    Raises:
        OSError: the address cannot be bound.
    """
    if not node.several:
        return
    chosen = settings.node
    reception = Reception(application, node.secrets, chosen, log, metrics, stopping)
    within = settings.http.drain + 2
    node.peers.address = await services.start(
        "requests of other nodes", reception.run, stop=reception.stop, stop_within=within
    )
    node.peers.tell()
    log.info("node", name=node.name, address=node.peers.address)
