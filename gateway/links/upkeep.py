"""Keeps links and records in step: what was heard is stored, what is disabled goes away.

Both are told by the bus. Status is stored when something of it changed that outlives the link,
so voltage and round-trip time cost no writes; and whatever changed within a moment is stored in
one transaction, so that a fleet which comes back costs a few writes and not thousands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

import trio
from structlog.typing import FilteringBoundLogger

from gateway.bus.memory import MemoryBus, Subscription
from gateway.domain.clock import Clock
from gateway.domain.connector import OFFLINE, ConnectorStatus
from gateway.domain.errors import Unavailable
from gateway.domain.events import Event
from gateway.identity.connectors import DISABLED
from gateway.links.registry import STATUS_EVENT, Registry
from gateway.storage.database import Database
from gateway.storage.queries import connectors
from protocols.link.messages import CloseCode

#: Seconds between two stores: what changes meanwhile is stored together.
GATHER = 0.25


class LinkUpkeep:
    """A service; owns nothing but its subscription."""

    def __init__(
        self,
        registry: Registry,
        database: Database,
        bus: MemoryBus,
        clock: Clock,
        log: FilteringBoundLogger,
    ) -> None:
        self._registry = registry
        self._database = database
        self._bus = bus
        self._clock = clock
        self._log = log
        self._kept: dict[UUID, ConnectorStatus] = {}
        self._changed: set[UUID] = set()
        self._wake = trio.Event()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Follow the bus until cancelled."""
        async with (
            self._bus.subscribe((STATUS_EVENT,), capacity=4096) as told,
            # Apart, so that a fleet which comes back all at once does not push it out.
            self._bus.subscribe((DISABLED,), capacity=4096) as disabled,
            trio.open_nursery() as nursery,
        ):
            task_status.started()
            nursery.start_soon(self._note_all, told)
            nursery.start_soon(self._store_all)
            async for event in disabled:
                self._disconnect(event)

    async def _note_all(self, told: Subscription) -> None:
        async for event in told:
            self._changed.add(UUID(event.payload["connector_uuid"]))
            self._wake.set()

    async def _store_all(self) -> None:
        while True:
            await self._wake.wait()
            self._wake = trio.Event()
            due = {uuid: status for uuid in self._changed if (status := self._lasting(uuid))}
            self._changed.clear()
            if due and await self._store(due):
                self._kept |= due
            elif due:
                self._changed |= due.keys()
                self._wake.set()
            await trio.sleep(GATHER)

    def _lasting(self, uuid: UUID) -> ConnectorStatus | None:
        """Return what of a connector's status is to be stored, or ``None`` if that is stored."""
        live = self._registry.find(uuid)  # of this node: each stores its own
        status = OFFLINE if live is None else live.status
        lasting = replace(status, voltage=None, round_trip_ms=None, ignition=None)
        if not status.online:
            self._kept.pop(uuid, None)
            return None
        return None if self._kept.get(uuid) == lasting else lasting

    def _disconnect(self, event: Event) -> None:
        uuid = UUID(event.payload["uuid"])
        self._registry.disconnect(uuid, CloseCode.DISABLED, "this connector has been disabled")

    async def _store(self, due: Mapping[UUID, ConnectorStatus]) -> bool:
        try:
            await self._database.write(connectors.keep_statuses, due, self._clock())
        except Unavailable:
            self._log.warning("connector status not stored", connectors=len(due))
            return False
        return True
