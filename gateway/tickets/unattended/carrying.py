"""One ticket's service from beginning to end, or until it has to be handed over.

The claim on the run is renewed meanwhile. A gateway that stops gives it up at once, one that is
killed lets it run out; then another one, or the same after its restart, goes on with the step that
was going.
"""

from __future__ import annotations

import hashlib
import math
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

import trio

from gateway.domain.clock import Clock
from gateway.domain.errors import GatewayError, Unavailable
from gateway.domain.principal import OperatorPrincipal
from gateway.runtime.logs import Log
from gateway.sessions.service import SessionService
from gateway.storage.database import Database
from gateway.storage.files.store import FileStore
from gateway.storage.queries.files import FileRecord
from gateway.storage.queries.ticket_records import Ticket
from gateway.storage.queries.unattended import Run
from gateway.tickets.unattended import report, runs
from gateway.tickets.unattended.plan import Plan, Planned
from gateway.tickets.unattended.report import Findings
from gateway.tickets.unattended.runs import Written
from gateway.tickets.unattended.steps import Json, perform, title_of
from gateway.tickets.unattended.vehicle import MisfitError, Vehicle, open_vehicle

#: How long a claim holds, and how often it is renewed, seconds.
CLAIM, RENEW = 30.0, 10.0

#: Seconds until the database is asked again after it was not there.
TRY_AGAIN = 2.0

#: Seconds a gateway that stops takes at most for giving a claim up; it runs out by itself.
RELEASE_WITHIN = 2.0

#: Reports drawn at once; the rest wait.
_WRITERS = 2


class NotOursError(Exception):
    """The ticket has ended, or another gateway carries the service out."""


@dataclass(frozen=True, slots=True)
class Means:
    """What carrying out takes.

    Attributes:
        database: tickets and runs.
        sessions: lead to vehicles.
        store: takes reports.
        clock: wall clock.
        log: told what was done and what failed.
        who: name of this gateway's claims.
    """

    database: Database
    sessions: SessionService
    store: FileStore
    clock: Clock
    log: Log
    who: str


class Carrying:
    """One run; :meth:`carry_out` once."""

    def __init__(self, means: Means, ticket: Ticket, plan: Plan, run: Run) -> None:
        self._means = means
        self._ticket = ticket
        self._plan = plan
        self._step = run.step
        self._results: list[Json] = list(run.results)
        self._memo: Json = dict(run.memo)
        self._label = run.label

    async def carry_out(self) -> None:
        """Do what is left of the plan, then close the ticket or hand it over."""
        try:
            async with self._claimed():
                await self._work()
        except* NotOursError:
            await self._note_end()
        finally:
            if trio.current_effective_deadline() == -math.inf:  # this gateway stops
                with trio.move_on_after(RELEASE_WITHIN, shield=True):
                    await self._release()

    async def _work(self) -> None:
        reason = await self._reason_to_stop()
        if reason is None:
            await self._finish()
        else:
            await self.hand_over(reason)

    async def _reason_to_stop(self) -> str | None:
        """Carry out the steps; return why an operator has to go on, ``None`` for all is done."""
        ticket = self._ticket
        uuid = ticket.connector_uuid or UUID(int=0)
        who = OperatorPrincipal(runs.client_of(ticket.provider_id), ticket.provider_id)
        try:
            async with open_vehicle(self._means.sessions, who, uuid, ticket.id) as vehicle:
                for planned in self._plan.steps[self._step :]:
                    await self._perform(planned, vehicle)
        except MisfitError as error:
            return str(error)
        except GatewayError as error:
            return error.detail
        except NotOursError:
            raise
        except Exception as error:
            # A boundary like a request's: what goes wrong with one ticket is that ticket's.
            self._means.log.error("unattended service failed", ticket=ticket.id, exc_info=error)
            return "Something went wrong in the gateway; its log says what."
        return None

    async def _perform(self, planned: Planned, vehicle: Vehicle) -> None:
        await self._note(label=title_of(planned.step))
        await vehicle.ready(planned.procedure, self._ticket.vin)
        found = await perform(planned.step, vehicle, dict(self._memo), self._remember)
        self._results.append(found)
        self._step, self._memo = self._step + 1, {}
        await self._note(step=self._step, results=self._results, memo={})

    async def _remember(self, memo: Json) -> None:
        self._memo = memo
        await self._note(memo=memo)

    async def _note(self, **changes: object) -> None:
        """Put it on record; what comes next may change the vehicle, so it waits for that.

        Raises:
            NotOursError: the ticket has ended meanwhile, or another gateway took it over.
        """
        means = self._means

        async def note() -> bool:
            return await means.database.write(
                runs.progress, self._ticket, means.who, means.clock(), changes
            )

        await self._write(note)
        self._label = str(changes.get("label", self._label))
        told = {"step": self._step, "steps": len(self._plan.steps), "label": self._label}
        means.sessions.tell_ticket(self._ticket.id, "unattended", told)

    async def _finish(self) -> None:
        text = f"{self._plan.title}: carried out without an operator. The report is attached."
        written = Written(text, await self._report(None))
        await self._write(lambda: self._close(written))
        self._means.log.info("unattended service finished", ticket=self._ticket.id)

    async def _close(self, written: Written) -> bool:
        means = self._means
        return await means.database.write(
            runs.close, self._ticket, means.who, written, means.clock()
        )

    async def hand_over(self, reason: str) -> None:
        """Leave the rest to an operator, with a note and what there is of the report."""
        attached = await self._report(reason) if self._results else None
        text = f"{self._plan.title}: handed over to an operator. {reason}"
        written, means = Written(text, attached), self._means

        async def hand_over() -> bool:
            return await means.database.write(
                runs.hand_over, self._ticket, means.who, reason, written, means.clock()
            )

        await self._write(hand_over)
        means.log.info("unattended service handed over", ticket=self._ticket.id, reason=reason)

    async def _write(self, write: Callable[[], Awaitable[bool]]) -> None:
        """Write something down; the database may take its time to come back.

        Raises:
            NotOursError: the ticket has ended meanwhile, or another gateway took it over.
        """
        while True:
            try:
                ours = await write()
            except Unavailable:
                await trio.sleep(TRY_AGAIN)
                continue
            if not ours:
                raise NotOursError
            return

    async def _report(self, reason: str | None) -> FileRecord:
        """Draw the report and store its bytes; the record is written with the note."""
        ticket, now = self._ticket, self._means.clock()
        findings = Findings(self._plan.title, tuple(self._results), reason, now)
        data = await trio.to_thread.run_sync(report.write, ticket, findings, limiter=_limiter())
        key = secrets.token_hex(16)
        await self._means.store.put(key, _once(data))
        return FileRecord(
            id=uuid4(),
            tenant_id=ticket.tenant_id,
            ticket_id=ticket.id,
            note_id=None,
            name=f"report-{ticket.id}.pdf",
            content_type="application/pdf",
            created_by=runs.ACTOR,
            created_at=now,
            stored_at=now,
            store_key=key,
            size=len(data),
            sha256=hashlib.sha256(data).digest(),
        )

    # --- the claim ---------------------------------------------------------------------------

    @asynccontextmanager
    async def _claimed(self) -> AsyncIterator[None]:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._renew)
            yield
            nursery.cancel_scope.cancel()

    async def _renew(self) -> None:
        means = self._means
        while True:
            await trio.sleep(RENEW)
            until = means.clock() + timedelta(seconds=CLAIM)
            try:
                ours = await means.database.write(runs.renew, self._ticket.id, means.who, until)
            except Unavailable:
                continue  # the next attempt may reach it; until then nobody else can either
            if not ours:
                raise NotOursError

    async def _release(self) -> None:
        means = self._means
        await means.database.write(runs.renew, self._ticket.id, means.who, means.clock())

    async def _note_end(self) -> None:
        means = self._means
        await means.database.write(runs.stop, self._ticket.id, means.who, means.clock())
        means.log.info("unattended service stopped", ticket=self._ticket.id)


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


def _limiter() -> trio.CapacityLimiter:
    """Return the limiter of this run of the event loop."""
    try:
        return _limiters.get()
    except LookupError:
        limiter = trio.CapacityLimiter(_WRITERS)
        _limiters.set(limiter)
        return limiter


_limiters: trio.lowlevel.RunVar[trio.CapacityLimiter] = trio.lowlevel.RunVar("report writers")
