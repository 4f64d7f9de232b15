"""Finds tickets that need no operator, and runs that a gateway has left behind."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import timedelta

import trio

from gateway.domain.clock import Clock
from gateway.domain.errors import Unavailable
from gateway.domain.ticket import TicketState
from gateway.links.registry import Registry
from gateway.runtime.logs import Log
from gateway.sessions.service import SessionService
from gateway.storage.database import Connection, Database
from gateway.storage.files.store import FileStore
from gateway.storage.queries import tickets, unattended
from gateway.storage.queries.ticket_records import Ticket
from gateway.storage.queries.unattended import Run
from gateway.tickets.unattended import runs
from gateway.tickets.unattended.carrying import CLAIM, Carrying, Means
from gateway.tickets.unattended.declared import Procedure
from gateway.tickets.unattended.plan import NoPlanError, Plan, plan_of

#: Services carried out at once by one gateway; the next ones wait.
AT_ONCE = 32

#: Waiting tickets looked at in one go.
LOOKED_AT = 200

#: Seconds between two looks when nothing calls, and at least.
INTERVAL, PAUSE = 5.0, 0.25

#: Seconds a ticket waits for its connector, which was online when it was ordered.
PATIENCE = 120.0


class UnattendedServices:
    """Owned by the application.

    Args:
        database: tickets and runs.
        registry: which connectors are here.
        sessions: lead to vehicles.
        store: takes reports.
        procedures: what is declared.
        clock: wall clock.
        log: told what was done and what failed.
    """

    def __init__(
        self,
        database: Database,
        registry: Registry,
        sessions: SessionService,
        store: FileStore,
        procedures: Sequence[Procedure],
        clock: Clock,
        log: Log,
    ) -> None:
        self._means = Means(database, sessions, store, clock, log, who=secrets.token_hex(16))
        self._registry = registry
        self._procedures = tuple(procedures)
        self._going: set[int] = set()
        self._stopping = trio.Event()

    def __len__(self) -> int:
        return len(self._going)

    def stop(self) -> None:
        """Let :meth:`run` give up its claims and return."""
        self._stopping.set()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Carry out what comes until stopped."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._look_again_and_again, nursery)
            task_status.started()
            await self._stopping.wait()
            nursery.cancel_scope.cancel()

    async def _look_again_and_again(self, nursery: trio.Nursery) -> None:
        database = self._means.database
        while True:
            appended = database.events_appended
            with suppress(Unavailable):
                await self._look(nursery)
            # Every event calls; looking costs two queries.
            await trio.sleep(PAUSE)
            with trio.move_on_after(INTERVAL):
                await appended.wait()

    async def _look(self, nursery: trio.Nursery) -> None:
        database, now = self._means.database, self._means.clock()
        for ticket_id in await database.read(unattended.abandoned, now, LOOKED_AT):
            self._start(nursery, self._go_on, ticket_id)
        for ticket_id in await database.read(unattended.waiting, now, LOOKED_AT):
            self._start(nursery, self._begin, ticket_id)

    def _start(
        self, nursery: trio.Nursery, work: Callable[[int], Awaitable[None]], ticket_id: int
    ) -> None:
        if ticket_id not in self._going and len(self._going) < AT_ONCE:
            self._going.add(ticket_id)
            nursery.start_soon(self._guarded, work, ticket_id)

    async def _guarded(self, work: Callable[[int], Awaitable[None]], ticket_id: int) -> None:
        try:
            await work(ticket_id)
        except Exception as error:
            # A boundary like a session's; the run's claim runs out, and it is tried again.
            self._means.log.error("unattended service failed", ticket=ticket_id, exc_info=error)
        finally:
            self._going.discard(ticket_id)

    async def _begin(self, ticket_id: int) -> None:
        means = self._means
        ticket = await means.database.read(tickets.find, ticket_id)
        if ticket is None or self._is_elsewhere(ticket):
            return
        try:
            plan = plan_of(ticket, self._procedures)
        except NoPlanError as error:
            await self._decline(ticket, str(error))
            return
        if not self._is_here(ticket):
            if self._has_waited(ticket):
                await self._decline(ticket, "The connector is offline.")
            return
        now = means.clock()
        until = now + timedelta(seconds=CLAIM)
        taken = await means.database.write(runs.take_on, ticket_id, plan, means.who, until, now)
        if taken is not None:
            begun, run = taken
            await Carrying(means, begun, plan, run).carry_out()

    async def _decline(self, ticket: Ticket, reason: str) -> None:
        means = self._means
        note = f"Not carried out without an operator. {reason}"
        await means.database.write(runs.decline, ticket.id, means.who, reason, note, means.clock())
        means.log.info("unattended service declined", ticket=ticket.id, reason=reason)

    async def _go_on(self, ticket_id: int) -> None:
        """Take over a run whose gateway is gone, as soon as its connector is here."""
        means = self._means
        ticket, run = await means.database.read(_left_behind, ticket_id)
        if ticket is None or run is None or self._is_elsewhere(ticket):
            return
        now = means.clock()
        late = now - run.updated_at > timedelta(seconds=PATIENCE)
        if ticket.state is TicketState.IN_PROGRESS and not self._is_here(ticket) and not late:
            return
        until = now + timedelta(seconds=CLAIM)
        if not await means.database.write(unattended.take_over, ticket_id, means.who, until, now):
            return
        carrying = Carrying(means, ticket, self._plan_again(ticket), run)
        if not self._is_here(ticket):
            await carrying.hand_over("The gateway was restarted, and the connector is offline.")
        elif self._plan_again(ticket).digest != run.plan:
            await carrying.hand_over("The procedure was changed while it was carried out.")
        else:
            await carrying.carry_out()

    def _plan_again(self, ticket: Ticket) -> Plan:
        try:
            return plan_of(ticket, self._procedures)
        except NoPlanError:
            return Plan(())

    def _is_here(self, ticket: Ticket) -> bool:
        uuid = ticket.connector_uuid
        return uuid is not None and self._registry.find(uuid) is not None

    def _is_elsewhere(self, ticket: Ticket) -> bool:
        """Tell whether its connector is at another node, which carries it out."""
        uuid = ticket.connector_uuid
        return uuid is not None and self._registry.is_elsewhere(uuid)

    def _has_waited(self, ticket: Ticket) -> bool:
        return self._means.clock() - ticket.updated_at > timedelta(seconds=PATIENCE)


def _left_behind(connection: Connection, ticket_id: int) -> tuple[Ticket | None, Run | None]:
    return tickets.find(connection, ticket_id), unattended.find(connection, ticket_id)
