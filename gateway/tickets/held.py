"""Lets held tickets go when the schedule of their service centre has run out."""

from __future__ import annotations

from datetime import datetime

import trio

from gateway.domain.clock import Clock
from gateway.domain.errors import Unavailable
from gateway.runtime.logs import Log
from gateway.storage.database import Connection, Database
from gateway.storage.queries import service_centers
from gateway.tickets.service_center import AT_ONCE, release_due

#: Seconds between two looks; operators may take a ticket at its time without waiting for one.
INTERVAL = 5.0


class HeldTickets:
    """A service; owns nothing.

    Args:
        database: where tickets are kept.
        clock: wall clock.
        log: told what was let go, and when the database is away.
    """

    def __init__(self, database: Database, clock: Clock, log: Log) -> None:
        self._database = database
        self._clock = clock
        self._log = log

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Look again and again until cancelled."""
        task_status.started()
        while True:
            released = await self._release()
            if released < AT_ONCE:
                await trio.sleep(INTERVAL)

    async def _release(self) -> int:
        try:
            # Most looks find nothing: those shall not queue with the writers.
            if not await self._database.read(_any_due, self._clock()):
                return 0
            released = await self._database.write(release_due, self._clock())
        except Unavailable:
            self._log.warning("held tickets not looked at, the database is away")
            return 0
        self._log.info("held tickets released", tickets=released)
        return released


def _any_due(connection: Connection, now: datetime) -> bool:
    return bool(service_centers.due_tickets(connection, now, 1))
