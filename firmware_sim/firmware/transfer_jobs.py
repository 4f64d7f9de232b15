"""The transfer jobs of one device, and the files that come and go with them.

A job belongs to the device from its order until the gateway says that its end is on record: a
lost link changes nothing about it, and after every new connection all of them are reported.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field

import trio

from firmware_sim.firmware.transfer_image import BadImageError, Image
from firmware_sim.firmware.transfer_run import RunningJob, Vehicle
from firmware_sim.firmware.transfer_store import KeptJob, TransferStore
from protocols.diagnosis.transfer_conflict import concerns
from protocols.diagnosis.transfer_debts import Debt
from protocols.diagnosis.transfer_records import Journal
from protocols.diagnosis.transfer_state import JobState
from protocols.errors import LocalProtocolError
from protocols.link.delivery import ChannelFull
from protocols.link.files import Fetch, chunks, has_range
from protocols.link.jobs import (
    Control,
    FileChunk,
    FileRefused,
    FileRequest,
    JobControl,
    JobForget,
    JobKey,
    JobReport,
    JobStart,
)
from protocols.link.messages import FileMessage, JobMessage, Message
from protocols.link.vehicle import Target

log = logging.getLogger(__name__)

#: Jobs at once; a vehicle has fewer control units that anybody flashes side by side.
MAX_JOBS = 32

#: After a full queue a report is said again, seconds.
_SAID_AGAIN = 1.0


@dataclass(eq=False, slots=True)
class _Coming:
    """An image on its way, and the jobs that wait for it."""

    image: Image
    fetch: Fetch
    jobs: set[str] = field(default_factory=set)


class TransferJobs:
    """Owned by the connector's program.

    Args:
        vehicle: runs requests.
        store: keeps jobs and images.
        nursery: of the connector's program.
        send: sends over the link; raises ``ChannelFull``.
        is_live: tells whether the link is up.
    """

    def __init__(
        self,
        vehicle: Vehicle,
        store: TransferStore,
        nursery: trio.Nursery,
        send: Callable[[Message], None],
        is_live: Callable[[], bool],
    ) -> None:
        self._vehicle = vehicle
        self._store = store
        self._nursery = nursery
        self._send = send
        self._is_live = is_live
        self._jobs: dict[str, RunningJob] = {}
        self._coming: dict[bytes, _Coming] = {}
        self._opening = trio.Lock()

    async def serve(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Go on with what a loss of power interrupted, and keep the store; runs for ever.

        Started before the link: the gateway must not hear that there is no such job.
        """
        try:
            if self._store.lasts:
                for kept in await trio.to_thread.run_sync(lambda: list(self._store.kept())):
                    self._go_on(kept)
            task_status.started()
            await trio.sleep_forever()
        finally:
            for coming in self._coming.values():
                coming.image.close()
            for running in self._jobs.values():
                running.close()
            self._store.close()

    def _go_on(self, kept: KeptJob) -> None:
        with suppress(LocalProtocolError):  # an order that an older program took
            running = RunningJob(kept.start, self._store, self._vehicle, self._tell, kept.journal)
            self._jobs[kept.start.job] = running
            self._nursery.start_soon(self._run, running)

    def occupant(self, target: Target) -> str:
        """Return the job that works on a control unit that a request would reach, or nothing."""
        for name, running in self._jobs.items():
            if not running.machine.finished and concerns(target, running.target):
                return name
        return ""

    def link_live(self, *, resumed: bool) -> None:
        """The link is up: say how everything stands, and ask for what is missing."""
        for running in self._jobs.values():
            self._tell(running.report())
        for coming in self._coming.values():
            if not resumed:
                coming.fetch.begin_again(coming.image.length)
            self._ask_for(coming)

    def take(self, message: JobMessage | FileMessage) -> None:
        """Take what the gateway says of jobs and files, but for orders."""
        match message:
            case JobControl(job, action):
                self._control(job, action)
            case JobKey(job, key):
                self._do(job, lambda running: running.machine.take_key(key, trio.current_time()))
            case JobForget(job):
                self._forget(job)
            case FileChunk():
                self._take_chunk(message)
            case FileRequest():
                self._serve_file(message)
            case FileRefused(sha256, detail):
                self._fail_image(sha256, "no_image", detail or "the gateway has no such image")
            case _:
                log.warning("%s is not for a connector", type(message).__name__)

    # --- jobs ------------------------------------------------------------------------------------

    def start(self, message: JobStart, *, allowed: bool, inherited: Iterable[Debt]) -> None:
        """Begin a job; one that is known already is merely reported.

        Args:
            message: the order.
            allowed: the session it is for holds the lease.
            inherited: what that session has opened, and the job closes from now on.
        """
        known = self._jobs.get(message.job)
        if known is not None:
            self._tell(known.report())
            return
        why = self._refusal(message, allowed=allowed)
        if why is None:
            journal = Journal(JobState.WAITING.value, debts=tuple(inherited))
            try:
                running = RunningJob(message, self._store, self._vehicle, self._tell, journal)
            except LocalProtocolError as error:
                why = "bad_order", str(error)
            else:
                self._jobs[message.job] = running
                self._nursery.start_soon(self._run, running)
                return
        failed = JobState.FAILED.value
        self._tell(JobReport(message.job, failed, failure=why[0], detail=why[1], safe=True))

    def _refusal(self, message: JobStart, *, allowed: bool) -> tuple[str, str] | None:
        if not self._store.can_keep(message.job):
            return "bad_order", f"{message.job[:80]!r} is no name for a job"
        if not allowed:
            return "refused", "no session with the lease asked for this"
        if len(self._jobs) >= MAX_JOBS:
            return "busy", f"{MAX_JOBS} jobs are kept already"
        occupant = self.occupant(message.order.target)
        return ("busy", f"job {occupant} works on this control unit") if occupant else None

    async def _run(self, running: RunningJob) -> None:
        job = running.start.job
        if not running.machine.finished:
            await running.keep()
            self._tell(running.report())
            if running.start.order.image:
                self._nursery.start_soon(self._fetch, running)
            else:
                running.machine.image_at(0, trio.current_time())
        await running.run()
        self._release(job, running.start.order.image)

    def _control(self, job: str, action: str) -> None:
        match action:
            case Control.PAUSE:
                self._do(job, lambda running: running.machine.pause(trio.current_time()))
            case Control.RESUME:
                self._do(job, lambda running: running.machine.resume(trio.current_time()))
            case Control.ABORT:
                self._do(job, lambda running: running.machine.abort("it was asked for"))
            case Control.REPORT:
                self._do(job, lambda running: self._tell(running.report()))
            case _:
                log.warning("job %s: %r is nothing that can be done with it", job, action)

    def _do(self, job: str, action: Callable[[RunningJob], None]) -> None:
        """Do something with a job; what has no meaning now changes nothing, and is told."""
        running = self._jobs.get(job)
        if running is None:
            failed = JobState.FAILED.value
            self._tell(JobReport(job, failed, failure="refused", detail="there is no such job"))
            return
        try:
            action(running)
        except LocalProtocolError as error:
            log.info("job %s: %s", job, error)
            self._tell(running.report())
        running.stir()

    def _forget(self, job: str) -> None:
        running = self._jobs.get(job)
        if running is None or not running.machine.finished:
            return
        del self._jobs[job]
        self._nursery.start_soon(self._remove, running)

    async def _remove(self, running: RunningJob) -> None:
        await running.over.wait()  # it may be writing its last note still
        running.close()
        await trio.to_thread.run_sync(self._store.forget, running.start.job)

    def _tell(self, report: JobReport) -> None:
        """Say how a job stands; without a link it is said when the link is back."""
        if not self._is_live():
            return
        try:
            self._send(report)
        except ChannelFull:
            self._nursery.start_soon(self._tell_again, report.job)

    async def _tell_again(self, job: str) -> None:
        await trio.sleep(_SAID_AGAIN)
        if job in self._jobs:
            self._tell(self._jobs[job].report())

    # --- images that come ------------------------------------------------------------------------

    async def _fetch(self, running: RunningJob) -> None:
        """Open the image with what is there of it, and ask for the rest."""
        order = running.start.order
        async with self._opening:
            coming = self._coming.get(order.image)
            if coming is None:
                try:
                    image = await trio.to_thread.run_sync(self._store.image, order)
                except (BadImageError, OSError) as error:
                    running.fail_image("bad_image", str(error))
                    return
                fetch = Fetch(order.image, order.size, image.length)
                coming = self._coming[order.image] = _Coming(image, fetch)
        coming.jobs.add(running.start.job)
        running.take_image(coming.image)
        self._ask_for(coming)

    def _ask_for(self, coming: _Coming) -> None:
        if self._is_live():
            with suppress(ChannelFull):  # hundreds wait already: their chunks ask for more
                for request in coming.fetch.next_requests():
                    self._send(request)

    def _take_chunk(self, chunk: FileChunk) -> None:
        coming = self._coming.get(chunk.sha256)
        if coming is None or not coming.fetch.takes(chunk):
            return
        try:
            coming.image.append(chunk.data)
        except (BadImageError, OSError) as error:
            self._fail_image(chunk.sha256, "bad_image", str(error))
            return
        if coming.image.length != coming.fetch.have:
            coming.fetch.begin_again(coming.image.length)  # a piece was wrong
        for running in self._waiting_for(coming):
            running.take_image(coming.image)
        self._ask_for(coming)

    def _fail_image(self, sha256: bytes, failure: str, detail: str) -> None:
        coming = self._coming.get(sha256)
        if coming is None or coming.image.complete:
            return
        for running in self._waiting_for(coming):
            running.fail_image(failure, detail)

    def _waiting_for(self, coming: _Coming) -> list[RunningJob]:
        return [self._jobs[job] for job in coming.jobs if job in self._jobs]

    def _release(self, job: str, sha256: bytes) -> None:
        coming = self._coming.get(sha256)
        if coming is not None:
            coming.jobs.discard(job)
            if not coming.jobs:
                del self._coming[sha256]
                coming.image.close()

    # --- results that go -------------------------------------------------------------------------

    def _serve_file(self, request: FileRequest) -> None:
        """Send a range of what an upload has read; the requester's window bounds what waits."""
        for running in self._jobs.values():
            report = running.report()
            if report.result == request.sha256 and has_range(request, report.result_size):
                with suppress(ChannelFull):  # more than the window was asked for at once
                    for offset, length in chunks(request, report.result_size):
                        data = running.result().read(offset, length)
                        self._send(FileChunk(request.sha256, offset, data))
                return
        with suppress(ChannelFull):
            self._send(FileRefused(request.sha256, "there is no such file, or range of it"))
