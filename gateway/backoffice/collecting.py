"""Brings letters in from the garages' mailboxes: once across nodes, each garage by itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import trio
from sqlalchemy import Connection
from structlog.typing import FilteringBoundLogger

from gateway.backoffice.jobs import garages
from gateway.backoffice.mailbox import Letter, Mailbox, News, Position, read_new
from gateway.backoffice.outside import Outside
from gateway.backoffice.rules import inbox
from gateway.backoffice.shop import Shop
from gateway.backoffice.tables import Tables
from gateway.domain.clock import Clock
from gateway.domain.errors import GatewayError
from gateway.storage.database import Database

T = TypeVar("T")

#: Seconds between two looks at which mailboxes are due.
LOOK_INTERVAL = 15.0

#: IMAP runs in threads; a garage with a slow server must not hold up all others.
_THREADS = 8


@dataclass(frozen=True, slots=True)
class Collecting:
    """A service; alive while :meth:`run` runs."""

    database: Database
    tables: Tables
    clock: Clock
    outside: Outside
    log: FilteringBoundLogger
    _threads: trio.CapacityLimiter = field(default_factory=lambda: trio.CapacityLimiter(_THREADS))

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Collect until cancelled."""
        task_status.started()
        while True:
            await self.collect_due()
            await trio.sleep(LOOK_INTERVAL)

    async def collect_due(self) -> None:
        """Look into every mailbox that is due, side by side."""
        try:
            ids = await self.database.read(garages)
        except GatewayError:
            self.log.warning("mailboxes_unreadable")
            return
        async with trio.open_nursery() as nursery:
            for tenant_id in ids:
                if await self._is_due(tenant_id):
                    nursery.start_soon(self._try, tenant_id)

    async def _is_due(self, tenant_id: int) -> bool:
        try:
            return await self.database.read(self._in_shop, tenant_id, inbox.due)
        except GatewayError:
            return False

    async def _try(self, tenant_id: int) -> None:
        # A boundary like a session's: one garage's trouble is not the others'.
        try:
            await self._collect(tenant_id)
        except Exception as error:
            self.log.error("collecting_failed", tenant=tenant_id, exc_info=error)

    async def _collect(self, tenant_id: int) -> None:
        problem = ""
        try:
            begin = partial(inbox.begin, sealer=self.outside.sealer)
            taken = await self._write(tenant_id, begin)
            if taken is None:
                return
            news = await self._look(*taken)
            await self._write(tenant_id, partial(inbox.start, position=news.position))
            for letter in news.letters:
                await self._take(tenant_id, letter)
        except GatewayError as error:
            problem = error.detail
        await self._write(tenant_id, partial(inbox.settle, problem=problem))

    async def _look(self, box: Mailbox, since: Position | None) -> News:
        # Each time: what a name leads to may have changed since it was typed in.
        await self.outside.check_address(f"https://{box.host}:{box.port}")
        today = self.clock().date()
        return await trio.to_thread.run_sync(read_new, box, since, today, limiter=self._threads)

    async def _take(self, tenant_id: int, letter: Letter) -> None:
        try:
            await self._write(tenant_id, partial(inbox.take, letter=letter))
        except GatewayError:
            raise
        except Exception as error:
            # Whatever somebody wrote, the letters behind it are for the garage too.
            uid = letter.position.last
            self.log.error("letter_failed", tenant=tenant_id, uid=uid, exc_info=error)
            await self._write(tenant_id, partial(inbox.skip, letter=letter))

    async def _write(self, tenant_id: int, rule: Callable[[Shop], T]) -> T:
        return await self.database.write(self._in_shop, tenant_id, rule)

    def _in_shop(self, connection: Connection, tenant_id: int, rule: Callable[[Shop], T]) -> T:
        return rule(Shop(connection, self.tables, tenant_id, None, self.clock()))
