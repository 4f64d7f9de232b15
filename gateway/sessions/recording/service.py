"""Begins recordings, and keeps writing: a loop that gathers, and a thread that writes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import trio
from typing_extensions import override

from gateway.domain.clock import Clock
from gateway.domain.errors import Unavailable
from gateway.domain.events import Event
from gateway.links.connector import LiveConnector
from gateway.runtime.logs import Log
from gateway.sessions.recorder import UNRECORDED, Recorded, Recorder, Track
from gateway.sessions.recording.backlog import Backlog
from gateway.sessions.recording.index import Index, record_of
from gateway.sessions.recording.track import Entry, SessionTrack
from gateway.sessions.recording.writer import Writer
from gateway.storage.database import Database
from gateway.storage.queries.recordings import RecordingRecord

R = TypeVar("R")

#: Seconds for which records are gathered before they are written: what a kill can cost. Each write
#: takes the interpreter from the loop and back, so many records must share one.
GATHER = 0.2

#: Seconds between two looks whether a disk that took nothing takes something again.
PROBE_INTERVAL = 5.0

#: Seconds that the last records may take at shutdown.
LAST_WORDS = 10.0

#: Type of the event that tells of a recording which stopped before its session did.
FAILED_EVENT = "sessions.recording.failed"


@dataclass(frozen=True, slots=True)
class RecordingRules:
    """How recordings are made.

    Attributes:
        enabled: they are.
        required: no session opens while they cannot be.
        sync_interval: seconds until what was written is also on the disk.
    """

    enabled: bool = True
    required: bool = False
    sync_interval: float = 5.0


class RecordingService(Recorder):
    """Owned by the application; :meth:`run` writes until stopped.

    Args:
        writer: owns the files.
        index: puts recordings on record.
        rules: how they are made.
        clock: wall clock.
        publish: takes events; must not block.
        log: takes what goes wrong.
    """

    def __init__(
        self,
        writer: Writer,
        database: Database,
        rules: RecordingRules,
        clock: Clock,
        publish: Callable[[Event], None],
        log: Log,
    ) -> None:
        self.writer = writer
        self.backlog: Backlog[Entry] = Backlog()
        self.failures = 0
        self._index = Index(database, log)
        self._rules = rules
        self._clock = clock
        self._publish = publish
        self._log = log
        self._tracks: dict[str, SessionTrack] = {}
        self._trouble: str | None = None
        self._thread = trio.CapacityLimiter(1)
        self._stopping = trio.Event()
        self._written = trio.Event()
        self._wanted = trio.Event()

    def __len__(self) -> int:
        """Return how many recordings go on."""
        return len(self._tracks)

    # --- for sessions ------------------------------------------------------------------------

    @override
    def begin(self, session: Recorded, live: LiveConnector) -> Track:
        if not self._rules.enabled:
            return UNRECORDED
        if self._rules.required and self._trouble is not None:
            raise Unavailable(
                "recording.impossible",
                f"Sessions must be recorded here, and cannot be now: {self._trouble}. Make room "
                "on the gateway's disk.",
                retry_after=PROBE_INTERVAL,
            )
        track = SessionTrack(session, live, self.backlog, self._clock)
        self._tracks[session.id] = track
        return track

    # --- for those who ask -------------------------------------------------------------------

    def going(self, session_id: str) -> RecordingRecord | None:
        """Return a recording that goes on, as it stands."""
        track = self._tracks.get(session_id)
        return None if track is None else record_of(track)

    async def settle(self) -> None:
        """Wait until everything that has happened so far is in the files."""
        while len(self.backlog):
            self._wanted.set()
            await self._written.wait()

    async def in_thread(self, call: Callable[[], R]) -> R:
        """Run a blocking call between two batches."""
        return await trio.to_thread.run_sync(call, limiter=self._thread)

    # --- the loop ----------------------------------------------------------------------------

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Write what comes until stopped, and then what is left."""
        self._trouble = await self.in_thread(self.writer.probe)
        if self._trouble is not None:
            self._log.error("recording_impossible", reason=self._trouble)
        task_status.started()
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._index.run)
                nursery.start_soon(self._write_on)
                nursery.start_soon(self._sync_on)
                nursery.start_soon(self._probe_on)
                await self._stopping.wait()
                nursery.cancel_scope.cancel()
        finally:
            with trio.move_on_after(LAST_WORDS, shield=True):
                await self._write()
                await self._index.write()
                await self.in_thread(self.writer.close)

    def stop(self) -> None:
        """Let :meth:`run` write what is left and return."""
        self._stopping.set()

    async def _write_on(self) -> None:
        while True:
            await self.backlog.wait()
            with trio.move_on_after(GATHER):
                await self._wanted.wait()
            await self._write()

    async def _write(self) -> None:
        self._wanted = trio.Event()
        batch = self.backlog.take()
        if not batch:
            return
        try:
            # A thread cannot be cancelled; what it has been given must be accounted for.
            with trio.CancelScope(shield=True):
                await self.in_thread(partial(self.writer.write, batch))
        finally:
            self.backlog.written()
            self._written.set()
            self._written = trio.Event()
        for track in dict.fromkeys(track for track, _ in batch):
            self._after(track)

    def _after(self, track: SessionTrack) -> None:
        """Draw the conclusions of a write."""
        standing = track.standing
        if standing.failure is not None and not standing.failed_told:
            standing.failed_told = True
            self._failed(track, standing.failure)
        if standing.closed:
            self._tracks.pop(track.session.id, None)
        if not standing.void and (standing.closed or not standing.noted):
            standing.noted = True
            self._index.note(track)

    def _failed(self, track: SessionTrack, reason: str) -> None:
        self.failures += 1
        self._trouble = reason
        self._index.note(track)
        session = track.session
        self._log.error("recording_failed", session=session.id, reason=reason)
        session.tell("recording", {"state": "failed", "detail": reason})
        self._publish(
            Event(
                type=FAILED_EVENT,
                subject=f"session:{session.id}",
                tenant_id=None,
                payload={"session_id": session.id, "reason": reason},
                occurred_at=self._clock(),
            )
        )

    async def _sync_on(self) -> None:
        while True:
            await trio.sleep(self._rules.sync_interval)
            try:
                await self.in_thread(self.writer.sync)
            except OSError as error:
                self._trouble = str(error)
                self._log.error("recording_sync_failed", reason=str(error))

    async def _probe_on(self) -> None:
        while True:
            await trio.sleep(PROBE_INTERVAL)
            if self._trouble is not None:
                self._trouble = await self.in_thread(self.writer.probe)
