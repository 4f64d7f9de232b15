"""The jobs that are going, and what is put on record of them as it comes.

The end of a job is on record once its result is in the image store; only then its connector may
forget it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from uuid import UUID

import msgspec
import trio

from gateway.domain.clock import Clock
from gateway.domain.errors import Unavailable
from gateway.links.registry import Registry
from gateway.sessions.job_files import ResultFetch
from gateway.sessions.job_record import Going, failed, from_record
from gateway.sessions.occupied import Occupied
from gateway.storage.database import Database
from gateway.storage.images import ImageStore
from gateway.storage.queries import jobs as queries
from protocols.diagnosis.transfer_state import FINAL, JobState
from protocols.link.jobs import Control, JobControl, JobForget, JobReport
from protocols.link.messages import Message

#: Seconds between two notes of mere progress on record.
NOTE_INTERVAL = 2.0

#: Seconds until the database is asked again after it was not there.
TRY_AGAIN = 2.0

#: Reports of jobs that are not going here, waiting to be looked up; a connector says so again.
MAX_STRANGE = 1_024

#: Shortest time between two looks, seconds: a crowd that comes back costs one each.
LOOK_GAP = 1.0


class JobLedger:
    """Every job whose end is not on record.

    Args:
        database: keeps them.
        registry: who is online.
        occupied: which control units they work on.
        store: takes results.
        clock: wall clock.
        announce: called when a job stands otherwise than before; must not block.

    Attributes:
        looks: how often it was looked on record for what is not known here.
    """

    def __init__(
        self,
        database: Database,
        registry: Registry,
        occupied: Occupied,
        store: ImageStore,
        clock: Clock,
        announce: Callable[[Going], None],
    ) -> None:
        self._database = database
        self._registry = registry
        self._occupied = occupied
        self._store = store
        self._clock = clock
        self._announce = announce
        self._going: dict[str, Going] = {}
        self._stirred = trio.Event()
        self._strange: dict[str, tuple[UUID, JobReport]] = {}
        self._arrived: set[UUID] = set()
        self._look = trio.Event()
        self.looks = 0

    def __len__(self) -> int:
        return len(self._going)

    def __iter__(self) -> Iterator[Going]:
        return iter(list(self._going.values()))

    def get(self, job: str) -> Going | None:
        """Return a job that is going."""
        return self._going.get(job)

    def of(self, connector: UUID) -> list[Going]:
        """Return the jobs of a connector."""
        return [it for it in self._going.values() if it.record.connector_uuid == connector]

    async def take_up(self) -> None:
        """Go on with what was not over when the gateway stopped."""
        for record in await self._database.read(queries.unfinished):
            if not self._registry.is_elsewhere(record.connector_uuid):
                self._follow(from_record(record))
        self._stirred.set()

    def arrived(self, connector: UUID) -> None:
        """A connector begins anew here: it may have jobs of another node, and have lost some."""
        self._arrived.add(connector)
        self._look.set()

    def left(self, connector: UUID) -> None:
        """Another node goes on with what this connector has; nothing is noted from here."""
        for going in self.of(connector):
            self._let_go(going)
            if going.fetch is not None:
                going.fetch.give_up()

    def strange(self, connector: UUID, report: JobReport) -> None:
        """Take a report of a job that is not going here; beyond a bound, the oldest is dropped."""
        self._strange.pop(report.job, None)
        self._strange[report.job] = connector, report
        if len(self._strange) > MAX_STRANGE:
            del self._strange[next(iter(self._strange))]
        self._look.set()

    async def keep_up(self) -> None:
        """Look on record for what is not known here, for ever; many at once cost one look."""
        while True:
            await self._look.wait()
            self._look = trio.Event()
            strange, self._strange = self._strange, {}
            arrived, self._arrived = self._arrived, set()
            try:
                await self._take_over(arrived | {connector for connector, _ in strange.values()})
            except Unavailable:
                self._strange, self._arrived = strange | self._strange, arrived | self._arrived
                self._look.set()
                await trio.sleep(TRY_AGAIN)
                continue
            for connector, report in strange.values():
                self._recognise(connector, report)
            for connector in arrived:
                for going in self.of(connector):  # it may have lost them
                    self.tell(connector, JobControl(going.record.id, Control.REPORT.value))
            self.looks += 1
            await trio.sleep(LOOK_GAP)

    async def _take_over(self, connectors: set[UUID]) -> None:
        """Go on with what these connectors have, and drop what has ended at another node."""
        mine = [it for connector in connectors for it in self.of(connector) if it.on_record]
        settled = [it for it in mine if not it.dirty and it.fetch is None]
        unfinished = {it.id: it for it in await self._database.read(queries.unfinished)}
        for going in settled:
            if going.record.id not in unfinished:
                self._let_go(going)
        for record in unfinished.values():
            if record.connector_uuid in connectors and record.id not in self._going:
                self._follow(from_record(record))

    def _recognise(self, connector: UUID, report: JobReport) -> None:
        going = self._going.get(report.job)
        if going is None:
            # Its end is on record, or it is none of ours: either way nobody waits for it.
            over = JobState(report.state) in FINAL
            ask = JobForget(report.job) if over else JobControl(report.job, Control.ABORT.value)
            self.tell(connector, ask)
        elif going.record.connector_uuid == connector and going.state not in FINAL:
            self.reported(going, report)

    async def add(self, going: Going) -> None:
        """Put a new job on record; its control unit is taken from now on.

        Raises:
            Unavailable: the database is not there; nothing is on record.
        """
        self._follow(going)
        try:
            await self._database.write(queries.add, going.record)
        except BaseException:
            self._let_go(going)
            raise
        going.on_record = True

    async def drop(self, going: Going, detail: str) -> None:
        """A job that its connector will not hear of is over at once."""
        self._let_go(going)
        with suppress(Unavailable):
            await self._write(going, failed(going.report, "unsent", detail), finished=True)

    def reported(self, going: Going, report: JobReport) -> None:
        """Take a report; what changed goes on record at once, mere progress now and then."""
        changed = (report.state, report.step) != (going.report.state, going.report.step)
        going.report = report
        if changed or trio.current_time() - going.noted >= NOTE_INTERVAL:
            self._stir(going)
        self._announce(going)

    def lost_result(self, going: Going, detail: str) -> None:
        """What was read is not to be had: the job has failed after all."""
        self.reported(going, failed(going.report, "no_result", detail))

    def given_up(self, going: Going, detail: str) -> None:
        """Nothing more is heard of a job: it has failed, as far as anybody can know."""
        self.reported(going, failed(going.report, "connector_gone", detail))

    def tell(self, connector: UUID, message: Message) -> None:
        """Say something to a connector; one that is not there is asked later how it stands."""
        live = self._registry.find(connector)
        if live is not None:
            with suppress(Unavailable):
                live.send(message)

    async def run(self, nursery: trio.Nursery) -> None:
        """Put reports on record as they come, for ever; after trouble the latest counts."""
        while True:
            await self._stirred.wait()
            self._stirred = trio.Event()
            for going in [it for it in self._going.values() if it.dirty]:
                going.dirty = False
                try:
                    await self._note(going, nursery)
                except Unavailable:
                    self._stir(going)
                    await trio.sleep(TRY_AGAIN)

    def _stir(self, going: Going) -> None:
        going.dirty = True
        self._stirred.set()

    def _follow(self, going: Going) -> None:
        record = going.record
        self._going[record.id] = going
        self._occupied.take(record.connector_uuid, record.id, going.order.target)

    def _let_go(self, going: Going) -> None:
        record = going.record
        self._going.pop(record.id, None)
        self._occupied.release(record.connector_uuid, record.id)

    async def _note(self, going: Going, nursery: trio.Nursery) -> None:
        report, record = going.report, going.record
        going.noted = trio.current_time()
        over = going.state in FINAL
        if over:
            self._occupied.release(record.connector_uuid, record.id)
        if report.result and record.result is None:
            over = False
            self._begin_fetch(going, nursery)
        await self._write(going, report, finished=over)
        if over:
            self._let_go(going)
            self.tell(record.connector_uuid, JobForget(record.id))

    async def _write(self, going: Going, report: JobReport, *, finished: bool) -> None:
        await self._database.write(
            queries.note,
            going.record.id,
            state=report.state,
            report=msgspec.msgpack.encode(report),
            now=self._clock(),
            finished=finished,
            result=going.record.result,
        )

    def _begin_fetch(self, going: Going, nursery: trio.Nursery) -> None:
        if going.fetch is None:
            connector, report = going.record.connector_uuid, going.report
            going.fetch = ResultFetch(
                report.result,
                report.result_size,
                lambda request: self.tell(connector, request),
                self._store,
            )
            nursery.start_soon(self._fetch, going, going.fetch)

    async def _fetch(self, going: Going, fetch: ResultFetch) -> None:
        detail = "the connector has lost what it had read, or sent something else"
        try:
            name = await fetch.run()
        except OSError as error:
            name, detail = None, f"it cannot be kept here: {error}"
        finally:
            going.fetch = None
        if name is None:
            self.lost_result(going, detail)
            return
        going.record = replace(going.record, result=name)
        self._stir(going)
        self._announce(going)
