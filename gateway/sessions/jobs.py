"""Transfer jobs as the gateway sees them: ordered here, done at the connector, recorded here.

A job is on record before its connector hears of it, and until its end is on record the connector
keeps it. In between either side may go away: what is not over is read when the gateway starts,
and whenever a connector begins a new link it is asked how each of them stands.
"""

from __future__ import annotations

from uuid import UUID

import trio

from gateway.config.jobs import JobSettings
from gateway.domain.clock import Clock
from gateway.domain.errors import Conflict, Elsewhere, Invalid, NotFound, TooLarge, Unavailable
from gateway.domain.principal import OperatorPrincipal
from gateway.links.jobs import FromConnector
from gateway.links.registry import Registry
from gateway.sessions.job_files import ImageSender
from gateway.sessions.job_ledger import JobLedger
from gateway.sessions.job_orders import JobBody, to_order
from gateway.sessions.job_record import Going, describe, last_report, new_job
from gateway.sessions.job_upkeep import JobUpkeep
from gateway.sessions.service import SessionService
from gateway.sessions.session import EndReason, Session
from gateway.storage.database import Database
from gateway.storage.images import ImageStore
from gateway.storage.queries import jobs as queries
from gateway.storage.queries.jobs import JobRecord
from protocols.diagnosis.transfer_state import FINAL, TABLE, JobState, JobTrigger
from protocols.errors import LocalProtocolError
from protocols.link.jobs import (
    Control,
    FileChunk,
    FileRefused,
    FileRequest,
    JobControl,
    JobKey,
    JobReport,
    JobStart,
    TransferOrder,
)
from protocols.link.messages import Message

#: Jobs that one operator may have going.
MAX_GOING = 64

#: How long it may take to put on record that an order was given up, seconds.
GIVING_UP = 5.0

_STATES = frozenset(state.value for state in JobState)

_TRIGGERS = {
    Control.PAUSE: JobTrigger.PAUSE,
    Control.RESUME: JobTrigger.RESUME,
    Control.ABORT: JobTrigger.ABORT,
}

#: A session that ends for these reasons takes its jobs along; with the others the connector goes
#: on: a gateway that restarts, or a link that is gone, must not leave half a flash behind.
_ABORTING = frozenset({EndReason.OPERATOR, EndReason.TICKET, EndReason.LIFETIME, EndReason.IDLE})


class JobService:
    """Owned by the application; :meth:`serve` does what takes time.

    Args:
        database: keeps jobs.
        registry: who is online.
        sessions: whose lease a job needs.
        store: keeps images and results.
        clock: wall clock.
        settings: how long things are waited for, and kept; the defaults when left out.
    """

    def __init__(
        self,
        database: Database,
        registry: Registry,
        sessions: SessionService,
        store: ImageStore,
        clock: Clock,
        settings: JobSettings | None = None,
    ) -> None:
        self.store = store
        self._database = database
        self._registry = registry
        self._sessions = sessions
        self._clock = clock
        self._ledger = JobLedger(
            database, registry, sessions.occupied, store, clock, self._announce
        )
        self._upkeep = JobUpkeep(
            database, self._ledger, registry, store, clock, settings or JobSettings()
        )
        self._sender = ImageSender(registry, store, self._may_have)
        self._nursery: trio.Nursery | None = None

    def __len__(self) -> int:
        return len(self._ledger)

    async def serve(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Take up what is not over, and put on record what comes, until cancelled."""
        await self._ledger.take_up()
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            self._registry.jobs.desk = self
            self._sessions.on_end.append(self._session_ends)
            task_status.started()
            nursery.start_soon(self._ledger.keep_up)
            nursery.start_soon(self._upkeep.run)
            try:
                await self._ledger.run(nursery)
            finally:
                self._registry.jobs.desk = None
                self._sessions.on_end.remove(self._session_ends)

    # --- for operators ---------------------------------------------------------------------------

    async def start(self, operator: OperatorPrincipal, session: Session, body: JobBody) -> Going:
        """Order a job.

        Raises:
            Conflict: no lease, or the control unit is taken, or too many jobs.
            Unavailable: the connector is offline.
            Invalid: the order makes no sense, or the connector runs no jobs.
            NotFound: there is no such image.
        """
        live = self._sessions.writing(session)
        if not live.capabilities.jobs:
            raise Invalid("job.unsupported", "This connector runs no transfer jobs.", field="kind")
        order = await self._order(operator, body)
        # All that can be refused is refused before anything is on record.
        self._sessions.writing(session)
        self._sessions.occupied.require_free(session.connector, order.target)
        mine = sum(1 for it in self._ledger if it.record.client_id == operator.client_id)
        if mine >= MAX_GOING:
            raise Conflict("job.too_many", f"{mine} of your jobs are not over. Wait for some.")
        going = new_job(operator, session, body, order, self._clock())
        await self._ledger.add(going)
        try:
            self._sessions.writing(session).send(JobStart(going.record.id, session.id, order))
        except (Unavailable, Conflict, LocalProtocolError) as error:
            with trio.move_on_after(GIVING_UP, shield=True):
                await self._ledger.drop(going, str(error))
            if isinstance(error, LocalProtocolError):
                raise TooLarge(
                    "job.too_large", f"No message of the link can hold this order: {error}."
                ) from error
            raise
        return going

    async def _order(self, operator: OperatorPrincipal, body: JobBody) -> TransferOrder:
        if body.image is None:
            return to_order(body, 0, ())
        name = body.image.lower()
        image = await self._database.read(queries.find_image, operator.provider_id, name)
        if image is None:
            raise NotFound(
                "image.unknown",
                "There is no image of this hash. Upload it with POST /operator/v1/images.",
                field="image",
            )
        return to_order(body, image.size, await self.store.pieces(name))

    async def find(self, operator: OperatorPrincipal, job: str) -> tuple[JobRecord, JobReport]:
        """Return a job of this operator, as it stands.

        Raises:
            NotFound: there is none, or it is somebody else's.
        """
        going = self._current(job)
        if going is not None and going.record.client_id == operator.client_id:
            return going.record, going.report
        record = await self._database.read(queries.find, job, operator.client_id)
        if record is None:
            raise NotFound("job.unknown", "You have no job of this id.")
        return record, last_report(record)

    def as_it_stands(self, record: JobRecord) -> JobReport:
        """Return the last report of a job on record."""
        going = self._current(record.id)
        return last_report(record) if going is None else going.report

    def _current(self, job: str) -> Going | None:
        """Return a job that is going, unless its connector tells another node how it stands."""
        going = self._ledger.get(job)
        try:
            if going is not None:
                self._registry.require(going.record.connector_uuid)
        except Elsewhere:
            return None
        except Unavailable:
            return going
        return going

    def control(self, session: Session, job: str, action: Control) -> Going:
        """Pause, resume or abort a job of the session's connector.

        Raises:
            Conflict: that has no meaning now, or the session does not hold the lease.
            NotFound: there is no such job going.
            Unavailable: the connector is offline, or too much waits for it.
        """
        going = self._mine(session, job)
        if not TABLE.allows(going.state, _TRIGGERS[action]):
            raise Conflict(
                "job.wrong_state",
                f"A job that is {going.state.value.replace('_', ' ')} cannot be told to {action}.",
            )
        self._sessions.writing(session).send(JobControl(job, action.value))
        return going

    def give_key(self, session: Session, job: str, key: bytes) -> Going:
        """Hand down the key for the seed of the last report.

        Raises:
            Conflict: no key is waited for, or the session does not hold the lease.
            NotFound: there is no such job going.
            Unavailable: the connector is offline, or too much waits for it.
        """
        going = self._mine(session, job)
        if going.state is not JobState.AWAITING_KEY:
            raise Conflict("job.no_seed", "This job waits for no key at this moment.")
        self._sessions.writing(session).send(JobKey(job, key))
        return going

    def _mine(self, session: Session, job: str) -> Going:
        going = self._ledger.get(job)
        if (
            going is None
            or going.record.client_id != session.client_id
            or going.record.connector_uuid != session.connector
        ):
            raise NotFound(
                "job.unknown",
                "You have no job of this id going on this session's vehicle. One that is over "
                "stays as it is.",
            )
        return going

    # --- for connectors --------------------------------------------------------------------------

    def take(self, connector: UUID, message: FromConnector) -> None:
        """Take what a connector says of jobs and files."""
        match message:
            case FileRequest():
                if self._nursery is not None:
                    self._sender.take(connector, message, self._nursery)
            case FileChunk() | FileRefused():
                self._take_result(connector, message)
            case JobReport():
                self._report(connector, message)

    def begun_anew(self, connector: UUID) -> None:
        """Ask a connector how each of its jobs stands; it may have lost them."""
        self._sender.forget(connector)
        self._ledger.arrived(connector)
        for going in self._ledger.of(connector):
            if going.fetch is not None:
                going.fetch.begin_again()

    def left(self, connector: UUID) -> None:
        """Let the node that has the connector now look after its jobs."""
        self._sender.forget(connector)
        self._ledger.left(connector)

    def _take_result(self, connector: UUID, message: FileChunk | FileRefused) -> None:
        for going in self._ledger.of(connector):
            if going.fetch is None or going.report.result != message.sha256:
                continue
            if isinstance(message, FileChunk):
                going.fetch.take(message)
            else:
                going.fetch.give_up()

    def _report(self, connector: UUID, report: JobReport) -> None:
        if report.state not in _STATES:
            return  # a newer connector's own idea
        going = self._ledger.get(report.job)
        if going is None:
            self._ledger.strange(connector, report)
        elif going.record.connector_uuid == connector and going.state not in FINAL:
            self._ledger.reported(going, report)

    def _tell(self, connector: UUID, message: Message) -> None:
        self._ledger.tell(connector, message)

    def _announce(self, going: Going) -> None:
        record = going.record
        news = describe(record, going.report)
        self._sessions.tell_job(record.client_id, record.connector_uuid, {"job": news})

    def _may_have(self, connector: UUID, name: str) -> int | None:
        """Return the size of an image that a job of this connector needs."""
        for going in self._ledger.of(connector):
            if going.record.image == name:
                return going.order.size
        return None

    def _session_ends(self, session: Session, reason: EndReason) -> None:
        if reason not in _ABORTING:
            return
        for going in self._ledger.of(session.connector):
            if going.record.session_id == session.id:
                self._tell(session.connector, JobControl(going.record.id, Control.ABORT.value))
