"""What comes due: overdue and recurring invoices, expiry, service levels, reminders, rules.

Every job of every garage has a row that says when it is due. It runs in the transaction that moves
that moment, with the row held: on any number of nodes it runs once, and after a stop it is due at
once. Jobs catch up by themselves what they missed, because they look at what is true now.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto

import trio
from sqlalchemy import Connection, select
from sqlalchemy.exc import IntegrityError
from structlog.typing import FilteringBoundLogger

from gateway.backoffice import finding
from gateway.backoffice.moments import business_day, day_begin
from gateway.backoffice.rules import (
    automation,
    invoices,
    licences,
    pricing,
    quotations,
    recurring,
    service_levels,
)
from gateway.backoffice.rules.field_sales import approvals, cheques, installments
from gateway.backoffice.rules.planner import coming
from gateway.backoffice.shop import Shop
from gateway.backoffice.tables import Tables
from gateway.domain.clock import Clock
from gateway.domain.errors import GatewayError
from gateway.storage.database import Database
from gateway.storage.tables.identity import tenant

#: Seconds between two looks at what is due.
LOOK_INTERVAL = 30.0

#: The hour, UTC, at which rules that wait for time to pass are run.
_NIGHT = 23


def _next_day(now: datetime) -> datetime:
    return day_begin(business_day(now) + timedelta(days=1))


def _next_night(now: datetime) -> datetime:
    night = now.replace(hour=_NIGHT, minute=0, second=0, microsecond=0)
    return night if night > now else night + timedelta(days=1)


def _soon(now: datetime) -> datetime:
    return now + timedelta(minutes=5)


def _check_levels(shop: Shop) -> object:
    return service_levels.run_check(shop)


@dataclass(frozen=True, slots=True)
class Job:
    """Something that comes due.

    Attributes:
        name: of its row; never changes.
        run: does all that is due now, or a portion of it.
        following: when it is due next.
        first: whether a garage that never had it begins with it at once.
        portions: ``run`` does some at a time, each in a transaction of its own, and answers 0
            when nothing was left.
    """

    name: str
    run: Callable[[Shop], object]
    following: Callable[[datetime], datetime]
    first: bool = True
    portions: bool = False


JOBS = (
    Job("recurring_invoices", recurring.run_due, _next_day, portions=True),
    Job("overdue_invoices", invoices.mark_overdue, _next_day, portions=True),
    Job("expired_quotations", quotations.expire, _next_day, portions=True),
    Job("expired_agreements", pricing.expire, _next_day, portions=True),
    Job("expired_licences", licences.expire, _next_day),
    Job("service_levels", _check_levels, _soon),
    Job("recurring_items", coming.prepare, _next_day),
    Job("appointment_reminders", coming.remind, _soon),
    Job("search_index", finding.index_missing, _soon, portions=True),
    Job("expired_approvals", approvals.expire, _soon, portions=True),
    Job("instalments", installments.remind, _next_day, portions=True),
    Job("cheques", cheques.move_due, _next_day, portions=True),
    Job("nightly_rules", automation.run_nightly, _next_night, first=False),
)


class _Step(Enum):
    """What came of one transaction of a job."""

    EARLY = auto()
    MORE = auto()
    DONE = auto()


@dataclass(frozen=True, slots=True)
class Jobs:
    """A service; alive while :meth:`run` runs."""

    database: Database
    tables: Tables
    clock: Clock
    log: FilteringBoundLogger

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Do what is due until cancelled."""
        task_status.started()
        while True:
            await self.run_due()
            await trio.sleep(LOOK_INTERVAL)

    async def run_due(self) -> int:
        """Do what is due for every garage; return how many jobs ran."""
        try:
            ids = await self.database.read(garages)
        except GatewayError:
            self.log.warning("jobs_unreadable")
            return 0
        return sum([await self._for(garage) for garage in ids])

    async def _for(self, tenant_id: int) -> int:
        due = await self._due(tenant_id)
        return sum([await self._try(tenant_id, job) for job in due])

    async def _due(self, tenant_id: int) -> list[Job]:
        def look(connection: Connection) -> list[Job]:
            shop = self._shop(connection, tenant_id)
            rows = {row["name"]: row["due_at"] for row in shop.where("job")}
            return [job for job in JOBS if rows.get(job.name, shop.now) <= shop.now]

        try:
            return await self.database.read(look)
        except GatewayError:
            return []

    async def _try(self, tenant_id: int, job: Job) -> bool:
        # A boundary like a session's: one garage's bad row must not stop the jobs of all others.
        try:
            step = await self.database.write(self._work, tenant_id, job)
            ran = step is not _Step.EARLY
            while step is _Step.MORE:
                step = await self.database.write(self._work, tenant_id, job)
            return ran
        except Exception as error:
            self.log.error("job_failed", job=job.name, tenant=tenant_id, exc_info=error)
            return False

    def _work(self, connection: Connection, tenant_id: int, job: Job) -> _Step:
        shop = self._shop(connection, tenant_id)
        job_id = _row(shop, job)
        held = shop.lock("job", job_id)
        if held["due_at"] > shop.now:
            return _Step.EARLY  # another node was faster, or it begins later
        if job.run(shop) and job.portions:
            return _Step.MORE
        shop.change("job", job_id, {"due_at": job.following(shop.now), "last_run_at": shop.now})
        return _Step.DONE

    def _shop(self, connection: Connection, tenant_id: int) -> Shop:
        return Shop(connection, self.tables, tenant_id, None, self.clock())


def _row(shop: Shop, job: Job) -> int:
    """Return the id of the garage's row for a job; made when it never had one."""
    row = shop.find("job", name=job.name)
    if row is not None:
        return int(row["id"])
    new = {"name": job.name, "due_at": shop.now if job.first else job.following(shop.now)}
    try:
        with shop.connection.begin_nested():
            return shop.insert("job", new)
    except IntegrityError:
        # Another node begins with the same job at this moment: its row is the one.
        return int(shop.where("job", name=job.name)[0]["id"])


def garages(connection: Connection) -> list[int]:
    """Return the ids of all garages."""
    return list(connection.execute(select(tenant.c.id).order_by(tenant.c.id)).scalars())
