"""Who is online: one ``LiveConnector`` for each connector within its resume window.

A connector that is at another node is known by its status alone; what works on it goes there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from uuid import UUID

import trio

from gateway.domain.clock import Clock
from gateway.domain.connector import OFFLINE, ConnectorStatus, KnownConnector
from gateway.domain.errors import Elsewhere as AtOtherNode
from gateway.domain.errors import Unavailable
from gateway.domain.events import Event
from gateway.links.connector import LiveConnector
from gateway.links.counters import LinkCounters
from gateway.links.elsewhere import Elsewhere, Face, Nowhere
from gateway.links.jobs import JobPost
from gateway.links.pump import Pump
from gateway.links.timers import Timers
from protocols.link.connection import LinkMemory
from protocols.link.delivery import Delivery, DeliveryLimits
from protocols.link.messages import CloseCode, Hello

#: Type of the live event that tells of a connector; payload as :func:`describe` makes it.
STATUS_EVENT = "connectors.connector.status"


#: Connectors sent away that are remembered: more than are disabled during any one handshake.
_REMEMBERED = 4096


class Registry:
    """Owned by the application; :meth:`serve` is its housekeeping task.

    Args:
        window: seconds for which an interrupted link can be resumed.
        publish: takes status events; must not block.
        clock: wall clock, for the time stamps people see.
        token: returns 16 random bytes, a new link's name.
        limits: bounds of what each link keeps in memory.
        frame_flush: longest wait of a raw frame for its batch, seconds.
        counters: counts what links do.
        elsewhere: the connectors of other nodes.
    """

    def __init__(
        self,
        *,
        window: float,
        publish: Callable[[Event], None],
        clock: Clock,
        token: Callable[[], bytes],
        limits: DeliveryLimits | None = None,
        frame_flush: float = 0.01,
        counters: LinkCounters | None = None,
        elsewhere: Elsewhere | None = None,
    ) -> None:
        self.window = window
        self.counters = LinkCounters() if counters is None else counters
        #: This node is about to end, and others are there: no link begins here any more.
        self.leaving = False
        #: What connectors say of transfer jobs goes here.
        self.jobs = JobPost()
        self._frame_flush = frame_flush
        self.timers = Timers()
        self._publish = publish
        self._clock = clock
        self._token = token
        self._limits = limits
        self._live: dict[UUID, LiveConnector] = {}
        self._expiry: dict[UUID, float] = {}
        self._sent_away: dict[UUID, float] = {}
        self._expiry_changed = trio.Event()
        self._elsewhere = Nowhere() if elsewhere is None else elsewhere
        self._elsewhere.bind(self)

    async def serve(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Keep deadlines and give up links whose resume window has passed, until cancelled."""
        async with trio.open_nursery() as nursery:
            task_status.started()
            nursery.start_soon(self.timers.run)
            nursery.start_soon(self._expire)

    # --- for sessions and doors ------------------------------------------------------------

    def find(self, uuid: UUID) -> LiveConnector | None:
        """Return the connector if it is online here or may still resume."""
        return self._live.get(uuid)

    def require(self, uuid: UUID) -> LiveConnector:
        """Return the connector.

        Raises:
            Elsewhere: it is at another node.
            Unavailable: it is offline.
        """
        live = self._live.get(uuid)
        if live is None:
            node = self._elsewhere.node_of(uuid)
            if node is not None:
                raise AtOtherNode(node)
            raise Unavailable(
                "connector.offline",
                "The connector is offline. Plug it in, switch the ignition on, and try again when "
                "it shows as online.",
            )
        return live

    def status(self, uuid: UUID) -> ConnectorStatus:
        """Return how a connector is, wherever it is; ``OFFLINE`` when nothing is known of it."""
        face = self.face(uuid)
        return OFFLINE if face is None else face.status

    def is_elsewhere(self, uuid: UUID) -> bool:
        """Tell whether another node has the connector."""
        return uuid not in self._live and self._elsewhere.node_of(uuid) is not None

    def face(self, uuid: UUID) -> Face | None:
        """Return how a connector looks, wherever it is; ``None`` when it is nowhere."""
        live = self._live.get(uuid)
        return self._elsewhere.face(uuid) if live is None else _face(live)

    def __iter__(self) -> Iterator[LiveConnector]:
        return iter(list(self._live.values()))

    def __len__(self) -> int:
        return len(self._live)

    # --- for the port ------------------------------------------------------------------------

    def can_resume(self, uuid: UUID, hello: Hello) -> bool:
        """Tell whether :meth:`admit` would go on with the link that the hello claims."""
        live = self._live.get(uuid)
        return live is not None and _can_resume(live.memory.delivery, hello)

    def connections(self) -> int:
        """Return how many connections are up at this moment."""
        return sum(live.connected for live in self._live.values())

    def admit(self, known: KnownConnector, hello: Hello) -> tuple[LiveConnector, bool]:
        """Return the connector that has proved itself, and whether it resumes its link.

        Its former connection, if one still stands, is sent away: the newest wins.
        """
        live = self._live.get(known.uuid)
        if live is not None:
            self.counters.superseded += live.connected
            live.end_connection(CloseCode.REPLACED, "the connector has dialled in again")
        self._expiry.pop(known.uuid, None)
        self._elsewhere.arrived(Face(known) if live is None else _face(live))
        if live is not None:
            live.known = known  # it may belong to another garage by now
            if _can_resume(live.memory.delivery, hello):
                return live, True
        memory = LinkMemory(Delivery(self._limits, token=self._token()))
        if live is None:
            live = LiveConnector(
                known,
                hello.capabilities,
                memory,
                self._tell,
                frame_flush=self._frame_flush,
                counters=self.counters,
                jobs=self.jobs,
            )
            self._live[known.uuid] = live
        else:
            live.memory = memory
        return live, False

    def online(self, live: LiveConnector, pump: Pump, hello: Hello) -> None:
        """A connection of this connector is up."""
        live.attach(pump, hello.capabilities)
        capabilities = hello.capabilities
        since = live.status.since if live.status.online else self._clock()
        status = replace(
            live.status,
            online=True,
            since=since,
            software_version=capabilities.software,
            hardware_version=capabilities.hardware,
            supports_doip=any(bus.kind == "doip" for bus in capabilities.buses),
        )
        if status != live.status:
            live.status = status
            self._tell(live)

    def offline(self, live: LiveConnector, pump: Pump) -> None:
        """A connection has ended; the connector may resume until its window has passed."""
        if live.detach(pump) and self._live.get(live.known.uuid) is live:
            self._expiry[live.known.uuid] = trio.current_time() + self.window
            self._expiry_changed.set()

    def disconnect(self, uuid: UUID, code: CloseCode, reason: str) -> None:
        """Send a connector away for good: nothing of it can be resumed."""
        if len(self._sent_away) >= _REMEMBERED:
            del self._sent_away[next(iter(self._sent_away))]
        self._sent_away[uuid] = trio.current_time()
        live = self._live.pop(uuid, None)
        if live is None:
            return
        self._expiry.pop(uuid, None)
        live.end_connection(code, reason)
        self._give_up(live)

    def sent_away_since(self, uuid: UUID, moment: float) -> bool:
        """Tell whether :meth:`disconnect` was called for a connector after ``moment``.

        What was looked up before does not hold then: a handshake may last for seconds.
        """
        return self._sent_away.get(uuid, float("-inf")) > moment

    def disconnect_all(self, reason: str) -> None:
        """Tell every connector that the gateway goes down and that it should come back."""
        for live in self:
            live.end_connection(CloseCode.RESTARTING, reason)

    # --- for other nodes ---------------------------------------------------------------------

    def present(self) -> Iterator[Face]:
        """Yield every connector of this node."""
        return map(_face, self)

    def leave_to_other(self, uuid: UUID) -> None:
        """Let a connector go that has dialled in at another node since: the newest wins.

        That node tells of its status from now on, so nothing is told from here. Nothing happens
        where it was not here, but for its jobs, which this node may know from the database.
        """
        self.jobs.left(uuid)
        live = self._live.pop(uuid, None)
        if live is None:
            return
        self._expiry.pop(uuid, None)
        self.counters.superseded += live.connected
        live.end_connection(CloseCode.REPLACED, "the connector has dialled in at another node")
        live.abandon()
        live.status = replace(live.status, online=False, round_trip_ms=None)

    async def _expire(self) -> None:
        while True:
            next_at = min(self._expiry.values(), default=float("inf"))
            with trio.move_on_at(next_at):
                await self._expiry_changed.wait()
            self._expiry_changed = trio.Event()
            now = trio.current_time()
            for uuid in [uuid for uuid, at in self._expiry.items() if at <= now]:
                del self._expiry[uuid]
                self._give_up(self._live.pop(uuid))

    def _give_up(self, live: LiveConnector) -> None:
        live.abandon()
        live.status = replace(live.status, online=False, since=self._clock(), round_trip_ms=None)
        self._tell(live)

    def _tell(self, live: LiveConnector) -> None:
        # The others know it before they hear the event, which makes somebody look.
        self._elsewhere.changed(_face(live))
        self._publish(status_event(live.known, live.status, self._clock()))


def _face(live: LiveConnector) -> Face:
    return Face(live.known, live.status, live.capabilities)


def _can_resume(delivery: Delivery, hello: Hello) -> bool:
    claim = hello.resume
    if claim is None or claim.token != delivery.token:
        return False
    # A claim that cannot be met begins anew; refused, it would come back with every attempt.
    return delivery.can_rewind(claim.received)


def status_event(known: KnownConnector, status: ConnectorStatus, now: datetime) -> Event:
    """Return the live event that tells how a connector is."""
    return Event(
        type=STATUS_EVENT,
        subject=f"connector:{known.number}",
        tenant_id=known.tenant_id,
        payload=describe(known, status),
        occurred_at=now,
    )


def describe(
    known: KnownConnector, status: ConnectorStatus
) -> dict[str, str | int | float | bool | None]:
    """Return the JSON-ready face of a connector: status, volts, milliseconds, versions."""
    return {
        "connector_id": known.number,
        "connector_uuid": str(known.uuid),
        "online": status.online,
        "since": None if status.since is None else status.since.isoformat(),
        "vin": status.vin,
        "voltage": status.voltage,
        "ignition": status.ignition,
        "wifi": status.wifi,
        "round_trip_ms": status.round_trip_ms,
        "software_version": status.software_version,
        "hardware_version": status.hardware_version,
        "supports_doip": status.supports_doip,
    }
