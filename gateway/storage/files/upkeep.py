"""Deletes reservations that nobody fills, and bytes that nobody knows."""

from __future__ import annotations

from datetime import timedelta

import trio
from structlog.typing import FilteringBoundLogger

from gateway.domain.clock import Clock
from gateway.domain.errors import Unavailable
from gateway.storage.database import Database
from gateway.storage.files.store import FileStore
from gateway.storage.queries import files

#: Seconds between two rounds.
INTERVAL = 3_600.0

#: Longer than any link to upload lasts, and any upload takes.
GRACE = timedelta(days=1)

#: Keys looked up at once.
BATCH = 500


class FileUpkeep:
    """A service; owns nothing."""

    def __init__(
        self, database: Database, store: FileStore, clock: Clock, log: FilteringBoundLogger
    ) -> None:
        self._database = database
        self._store = store
        self._clock = clock
        self._log = log

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Clean up until cancelled."""
        task_status.started()
        while True:
            await trio.sleep(INTERVAL)
            try:
                await self.clean()
            except (Unavailable, OSError) as error:
                self._log.warning("file_upkeep_postponed", reason=str(error))

    async def clean(self) -> None:
        """Do one round."""
        before = self._clock() - GRACE
        dropped = await self._database.write(files.drop_reservations, before)
        keys = await self._store.keys(before)
        orphans = 0
        for start in range(0, len(keys), BATCH):
            batch = keys[start : start + BATCH]
            known = await self._database.read(files.known_keys, batch)
            for key in set(batch) - known:
                await self._store.delete(key)
                orphans += 1
        self._log.info("file_upkeep", reservations=dropped, orphans=orphans)
