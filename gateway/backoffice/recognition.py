"""Reads documents that wait for it, on whichever node comes first.

Fetching and reading happen outside of transactions, with the row in hand for as long as its group
allows (``rules/field_sales/ocr_queue``). A server that does not answer is asked again later; a
document that cannot be read is not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import trio
from sqlalchemy import Connection
from structlog.typing import FilteringBoundLogger

from gateway.backoffice.jobs import garages
from gateway.backoffice.outside import Outside
from gateway.backoffice.refusal import Upstream
from gateway.backoffice.rules.field_sales import ocr, ocr_queue
from gateway.backoffice.shop import Shop, Values
from gateway.backoffice.tables import Tables
from gateway.domain.clock import Clock
from gateway.domain.errors import GatewayError, Unavailable
from gateway.storage.database import Database

T = TypeVar("T")

#: Seconds between two looks at what waits.
LOOK_INTERVAL = 5.0

#: Documents larger than this are not read.
_MOST_BYTES = 20 * 1024 * 1024

#: Documents that are read at once on this node: each takes a thread, and a share of a core.
_AT_ONCE = 2

_FINISHED: Mapping[str, Callable[[Shop, Values, ocr.Read], None]] = {
    "ocr_job": ocr.finish_job,
    "ocr_job_page": ocr.finish_page,
}


@dataclass(frozen=True, slots=True)
class Recognition:
    """A service; alive while :meth:`run` runs."""

    database: Database
    tables: Tables
    clock: Clock
    outside: Outside
    log: FilteringBoundLogger

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Read until cancelled."""
        task_status.started()
        while True:
            await self.read_due()
            await trio.sleep(LOOK_INTERVAL)

    async def read_due(self) -> None:
        """Read what waits, for every garage."""
        try:
            ids = await self.database.read(garages)
        except Unavailable:
            self.log.warning("recognition_unreadable")
            return
        for tenant_id in ids:
            # A boundary like a session's: one garage's trouble is not the others'.
            try:
                await self._garage(tenant_id)
            except Exception as error:
                self.log.error("recognition_failed", tenant=tenant_id, exc_info=error)

    async def _garage(self, tenant_id: int) -> None:
        found = await self.database.read(self._in_shop, tenant_id, ocr_queue.waiting)
        limiter = trio.CapacityLimiter(_AT_ONCE)
        async with trio.open_nursery() as nursery:
            for noun, row_id in found:
                nursery.start_soon(self._one, limiter, tenant_id, noun, row_id)

    async def _one(
        self, limiter: trio.CapacityLimiter, tenant_id: int, noun: str, row_id: int
    ) -> None:
        async with limiter:
            taken = partial(ocr_queue.take, noun=noun, row_id=row_id)
            row = await self._write(tenant_id, taken)
            if row is not None:
                outcome = await self._outcome(noun, row)
                await self._write(tenant_id, outcome)

    async def _outcome(self, noun: str, row: Values) -> Callable[[Shop], object]:
        """Return what is to be noted of a document."""
        try:
            with trio.fail_at(
                trio.current_time() + (row["due_at"] - self.clock()).total_seconds()
            ):
                read = await self._read(row[ocr_queue.ADDRESSES[noun]])
        except (Upstream, trio.TooSlowError) as problem:
            reason = problem.detail if isinstance(problem, Upstream) else "It took too long."
            return partial(ocr_queue.try_again, noun=noun, row=row, reason=reason)
        except (ocr.Unreadable, GatewayError) as problem:
            reason = problem.detail if isinstance(problem, GatewayError) else str(problem)
            end = partial(ocr_queue.end, noun=noun, row=row, status="failed")
            return partial(end, found={"error_log": reason})
        except Exception as error:
            # A boundary like a request's: whatever a document does to its reader stays with it.
            self.log.error("document_unreadable", noun=noun, row=row["id"], exc_info=error)
            end = partial(ocr_queue.end, noun=noun, row=row, status="failed")
            return partial(end, found={"error_log": "Reading it failed here."})
        finish = _FINISHED[noun]
        return lambda shop: finish(shop, row, read)

    async def _read(self, url: str) -> ocr.Read:
        data = await self._data(url)
        if len(data) > _MOST_BYTES:
            raise ocr.Unreadable(f"The document is larger than {_MOST_BYTES} bytes.")
        return await trio.to_thread.run_sync(ocr.read_document, data, abandon_on_cancel=True)

    async def _data(self, url: str) -> bytes:
        data = ocr.inline(url)
        if data is not None:
            return data
        reply = await self.outside.ask_typed("GET", url)
        if reply.status >= 500 or reply.status == 429:
            raise Upstream(f"The document's server answered {reply.status}.")
        if not reply.ok:
            raise ocr.Unreadable(f"The document's server answered {reply.status}.")
        return reply.data

    async def _write(self, tenant_id: int, rule: Callable[[Shop], T]) -> T:
        return await self.database.write(self._in_shop, tenant_id, rule)

    def _in_shop(self, connection: Connection, tenant_id: int, rule: Callable[[Shop], T]) -> T:
        return rule(Shop(connection, self.tables, tenant_id, None, self.clock()))
