"""One transfer job at work at the vehicle: its machine, its files, its reports."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from functools import partial
from typing import Protocol

import trio

from firmware_sim.firmware.transfer_image import Image
from firmware_sim.firmware.transfer_store import Result, TransferStore
from protocols.diagnosis.sessions import TESTER_PRESENT_INTERVAL
from protocols.diagnosis.transfer import TransferJob
from protocols.diagnosis.transfer_records import Journal
from protocols.diagnosis.transfer_state import JobState
from protocols.link.jobs import JobReport, JobStart
from protocols.link.messages import ExchangeResult
from protocols.link.vehicle import Target

log = logging.getLogger(__name__)

#: Shortest time between two reports that tell nothing but progress, seconds.
REPORT_INTERVAL = 0.2

#: Time over which the rate is measured, seconds.
_RATE_SPAN, _SHORTEST_SPAN = 2.0, 0.5


class Vehicle(Protocol):
    """What a job needs of the vehicle side."""

    async def exchange(self, number: int, target: Target, request: bytes) -> ExchangeResult:
        """Run one request to its end; failures are part of the result."""
        ...

    async def keep_alive(self, target: Target) -> None:
        """Send tester present, and wait for nobody."""
        ...


class RunningJob:
    """One job of this device, from its order until it is forgotten.

    Args:
        start: the order.
        store: where it is kept.
        vehicle: runs its requests.
        tell: takes each report; must not block.
        journal: of the same job before a loss of power.

    Attributes:
        image: the image, once its file is open.
        over: set once it writes and tells nothing any more by itself.

    Raises:
        LocalProtocolError: the order makes no sense.
    """

    def __init__(
        self,
        start: JobStart,
        store: TransferStore,
        vehicle: Vehicle,
        tell: Callable[[JobReport], None],
        journal: Journal | None = None,
    ) -> None:
        self.start = start
        self.image: Image | None = None
        self.over = trio.Event()
        self._store = store
        self._vehicle = vehicle
        self._tell = tell
        self._result: Result | None = None
        self._digest, self._result_size = b"", 0
        self._stirred = trio.CancelScope()
        self._saved = -1
        self._told: tuple[object, ...] = ()
        self._told_at = -math.inf
        self._mark = (trio.current_time(), 0)
        self._rate = 0
        self.machine = TransferJob(start.order, self._read, self._write, self._mark[0], journal)

    @property
    def target(self) -> Target:
        """The control unit it works on."""
        return self.start.order.target

    async def run(self) -> None:
        """Do it, to its end."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._keep_alive)
            while not self.machine.finished:
                await self._once()
            nursery.cancel_scope.cancel()
        await self._conclude()
        self.over.set()

    async def _once(self) -> None:
        """Run one request, or wait until there is something to do."""
        machine = self.machine
        now = trio.current_time()
        machine.handle_deadline(now)
        try:
            asked = machine.next_request(now)
            await self._save()
            self._tell_progress(now)
            if asked is not None:
                result = await self._vehicle.exchange(0, asked.target, asked.request)
                machine.answered(result, trio.current_time())
                return
        except OSError as error:  # the disk gives nothing, or takes nothing
            machine.image_failed("storage", f"the connector's storage fails: {error}")
        await self._wait()

    async def _wait(self) -> None:
        """Wait until something is due, or somebody has told the machine something."""
        machine = self.machine
        if not machine.finished:
            due = machine.next_deadline()
            with trio.move_on_at(math.inf if due is None else due) as self._stirred:
                await trio.sleep_forever()

    def stir(self) -> None:
        """Look at the machine again: somebody told it something."""
        self._stirred.cancel()

    def take_image(self, image: Image) -> None:
        """Take the image, and later: look how much of it is there now."""
        self.image = image
        self.machine.image_at(image.verified, trio.current_time())
        self.stir()

    def fail_image(self, failure: str, detail: str) -> None:
        """There is no such image, or it is the wrong one."""
        self.machine.image_failed(failure, detail)
        self.stir()

    async def _keep_alive(self) -> None:
        while True:
            await trio.sleep(TESTER_PRESENT_INTERVAL)
            target = self.machine.keep_alive()
            if target is not None:
                await self._vehicle.keep_alive(target)

    # --- files -----------------------------------------------------------------------------------

    def _read(self, offset: int, length: int) -> bytes:
        if self.image is None:
            raise AssertionError("a job without an image asks for none")
        return self.image.read(offset, length)

    def _write(self, offset: int, data: bytes) -> None:
        self.result().write(offset, data)

    def result(self) -> Result:
        """Return the file of what an upload reads."""
        if self._result is None:
            self._result = Result(self._store.result(self.start.job))
        return self._result

    async def keep(self) -> None:
        """Put the order on the disk; from now on a loss of power does not lose it."""
        await self._on_disk(partial(self._store.keep, self.start, self.machine.journal()))

    async def _save(self) -> None:
        """Put on the disk what a loss of power must not undo, before it is acted upon."""
        revision = self.machine.revision
        if revision != self._saved:
            self._saved = revision
            await self._on_disk(partial(self._store.note, self.start.job, self.machine.journal()))

    async def _on_disk(self, write: Callable[[], None]) -> None:
        try:
            await trio.to_thread.run_sync(write)
        except OSError as error:
            # A half-flashed control unit is worse than a journal that is behind.
            log.warning("job %s goes on without its journal: %s", self.start.job, error)

    async def _conclude(self) -> None:
        if self.machine.state is JobState.DONE and not self.start.order.image:
            self._digest, self._result_size = await trio.to_thread.run_sync(self.result().finish)
        await self._save()
        self._tell(self.report())

    def close(self) -> None:
        """Close the result's file."""
        if self._result is not None:
            self._result.close()
            self._result = None

    # --- reports ---------------------------------------------------------------------------------

    def _tell_progress(self, now: float) -> None:
        """Report at once what changed, and mere progress now and then; the end comes by itself."""
        progress = self.machine.progress()
        place = progress.place
        changed = (progress.state, place.step, place.segment, progress.restarts)
        if progress.state in {JobState.DONE, JobState.FAILED, JobState.ABORTED}:
            return
        if changed != self._told or now - self._told_at >= REPORT_INTERVAL:
            self._told, self._told_at = changed, now
            self._tell(self.report())

    def report(self) -> JobReport:
        """Return how it stands, as a full picture."""
        progress = self.machine.progress()
        place = progress.place
        now = trio.current_time()
        self._measure(now, place.transferred)
        return JobReport(
            self.start.job,
            progress.state.value,
            step=place.step,
            segment=place.segment,
            segments=place.segments,
            block=place.block,
            blocks=place.blocks,
            transferred=place.transferred,
            total=place.total,
            rate=self._rate,
            image=0 if self.image is None else self.image.length,
            restarts=progress.restarts,
            level=progress.level,
            seed=progress.seed,
            failure=progress.failure,
            detail=progress.detail,
            safe=progress.safe,
            result=self._digest,
            result_size=self._result_size,
            at_us=round(now * 1e6),
        )

    def _measure(self, now: float, transferred: int) -> None:
        since, mark = self._mark
        if transferred < mark or now - since >= _RATE_SPAN:
            self._mark = (now, transferred)
        if now - since >= _SHORTEST_SPAN and transferred >= mark:
            self._rate = round((transferred - mark) / (now - since))
