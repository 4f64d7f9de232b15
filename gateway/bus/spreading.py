"""Events between nodes: what is stored is looked at again, what is of the moment is told.

Stored events are read from the database by every node for itself; all that crosses is the call to
look now instead of at the next turn. So each node has them in order, each once, and none is lost
with the line. Events of the moment (a connector's status, a session's news) are stored nowhere and
travel themselves; what a broken line loses of them is out of date when it is back.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
import trio

from gateway.bus.live import LiveEvents
from gateway.bus.memory import MemoryBus
from gateway.bus.notices import Notices
from gateway.domain.events import Event
from gateway.storage.database import Database

LOOK, HAPPENED = "bus.look", "bus.happened"


class LookAgain(msgspec.Struct, array_like=True, frozen=True):
    """There are new events in the database."""


class Happened(msgspec.Struct, array_like=True, frozen=True):
    """An event of the moment; members as in :class:`gateway.domain.events.Event`."""

    type: str
    subject: str
    tenant_id: int | None
    payload: dict[str, Any]  # JSON by nature: each type documents its members
    occurred_at: datetime


class Spreading:
    """Joins this node's bus to those of the others; :meth:`run` is its service.

    Args:
        bus: of this node.
        database: that all nodes share.
        notices: between them.
    """

    def __init__(self, bus: MemoryBus, database: Database, notices: Notices) -> None:
        self._bus = bus
        self._notices = notices
        self._far = LiveEvents(bus)
        database.appended_here = self._tell_to_look
        notices.hear(LOOK, LookAgain, lambda _, __: database.look_again())
        notices.hear(HAPPENED, Happened, lambda _, told: self._take(told))
        # What was stored while the line was down called nobody here.
        notices.on_up.append(database.look_again)

    async def publish(self, event: Event) -> None:
        """Publish an event of the moment here and on the other nodes."""
        await self._bus.publish(event)
        self._notices.say(
            HAPPENED,
            Happened(event.type, event.subject, event.tenant_id, event.payload, event.occurred_at),
        )

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Publish what other nodes tell of, until cancelled."""
        await self._far.run(task_status=task_status)

    def _tell_to_look(self) -> None:
        self._notices.say(LOOK, LookAgain())

    def _take(self, told: Happened) -> None:
        self._far.publish(
            Event(told.type, told.subject, told.tenant_id, told.payload, told.occurred_at)
        )
