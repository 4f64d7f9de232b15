"""What time does to transfer jobs: those that nobody comes back for, images that nobody uses.

Several nodes do this over one database; each ends what it has in its own ledger, and removes what
lies in its own store.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta

import trio

from gateway.config.jobs import JobSettings
from gateway.domain.clock import Clock
from gateway.domain.errors import Unavailable
from gateway.links.registry import Registry
from gateway.sessions.job_ledger import JobLedger
from gateway.storage.database import Database
from gateway.storage.images import ImageStore
from gateway.storage.queries import jobs as queries

#: Seconds between two rounds.
INTERVAL = 3_600.0

#: Age of a file that nobody refers to before it goes: longer than any upload takes to be put on
#: record, and any result.
GRACE = timedelta(days=1)

#: Files looked up at once.
BATCH = 500


class JobUpkeep:
    """One service; owns nothing.

    Args:
        database: keeps jobs and which images there are.
        ledger: the jobs that are going.
        registry: who is online.
        store: where images and results are.
        clock: wall clock.
        settings: how long things are waited for, and kept.
    """

    def __init__(
        self,
        database: Database,
        ledger: JobLedger,
        registry: Registry,
        store: ImageStore,
        clock: Clock,
        settings: JobSettings,
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._registry = registry
        self._store = store
        self._clock = clock
        self._settings = settings

    async def run(self) -> None:
        """Look after them once an hour, for ever."""
        while True:
            with suppress(Unavailable, OSError):  # the next round does it; nobody waits for it
                await self.give_up_abandoned()
                await self.clean()
            await trio.sleep(INTERVAL)

    async def give_up_abandoned(self) -> int:
        """End the jobs whose connectors have not come back; return how many."""
        days = self._settings.return_days
        before = self._clock() - timedelta(days=days)
        given_up = 0
        for record in await self._database.read(queries.abandoned, before):
            going = self._ledger.get(record.id)
            if going is None or self._registry.status(record.connector_uuid).online:
                continue
            self._ledger.given_up(
                going,
                f"its connector has not been back for {days:g} days; how the control unit is, is "
                "not known",
            )
            given_up += 1
        return given_up

    async def clean(self) -> int:
        """Remove images that nobody has used for long, and their files; return how many files."""
        now = self._clock()
        unused = now - timedelta(days=self._settings.image_days)
        await self._database.write(queries.drop_images, unused)
        before = now - GRACE
        await self._store.drop_drafts(before)
        names, removed = await self._store.older_than(before), 0
        for start in range(0, len(names), BATCH):
            removed += await self._remove(names[start : start + BATCH], before)
        return removed

    async def _remove(self, names: list[str], before: datetime) -> int:
        needed = await self._database.read(queries.needed_files, names)
        gone = [await self._store.remove(name, before) for name in names if name not in needed]
        return sum(gone)
