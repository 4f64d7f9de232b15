"""What becomes of recordings later: those that a kill has cut are closed, and old ones go."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import trio

from gateway.domain.clock import Clock
from gateway.domain.errors import Unavailable
from gateway.runtime.logs import Log
from gateway.sessions.recording.archive import Archive
from gateway.sessions.recording.reading import Recording
from gateway.storage.database import Database
from gateway.storage.queries import recordings as queries
from gateway.storage.queries.recordings import RecordingRecord
from protocols.can.batch import peek_batch
from protocols.recording.records import Exchange, Frames, Happened, Lost

#: Seconds between two rounds of retention.
INTERVAL = 3_600.0

#: Recordings removed before the sum is looked at again.
BATCH = 50

#: A session's last words in its recording.
LAST = "session.ended"


@dataclass(frozen=True, slots=True)
class Retention:
    """How long recordings are kept.

    Attributes:
        days: after their end.
        total_bytes: of all of them together; beyond, the oldest go.
    """

    days: float = 90.0
    total_bytes: int = 20 << 30


class RecordingUpkeep:
    """A service; owns nothing.

    Args:
        folder: of all recordings of this node; those of others are theirs to keep.
        database: has the index.
        retention: how long they are kept.
        is_going: tells whether a session is being recorded here.
        clock: wall clock.
        log: takes what was done.
        archive: has the recordings of all nodes, if there are several: any of them removes.
    """

    def __init__(
        self,
        folder: Path,
        database: Database,
        retention: Retention,
        is_going: Callable[[str], bool],
        clock: Clock,
        log: Log,
        archive: Archive | None = None,
    ) -> None:
        self._archive = archive
        self._folder = folder
        self._database = database
        self._retention = retention
        self._is_going = is_going
        self._clock = clock
        self._log = log

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Close what an earlier run left open; then let old recordings go, for ever."""
        task_status.started()
        while True:
            try:
                await self.close_cut()
                await self.remove_old()
            except (Unavailable, OSError) as error:
                self._log.warning("recording_upkeep_postponed", reason=str(error))
            await trio.sleep(INTERVAL)

    async def close_cut(self) -> int:
        """Close the recordings that nobody writes any more; return how many there were."""
        closed = 0
        for record in await self._database.read(queries.running):
            if self._is_going(record.session_id):
                continue
            folder = self._folder / record.session_id
            found = await trio.to_thread.run_sync(partial(examine, record, folder))
            # Asked again: its session may have begun or ended meanwhile.
            if found is not None and not self._is_going(record.session_id):
                await self._database.write(queries.note, found)
                closed += 1
        if closed:
            self._log.info("recordings_closed", count=closed)
        return closed

    async def remove_old(self) -> int:
        """Let go what is too old, and the oldest of what is too much; return how many went."""
        now = self._clock()
        removed = await self._remove(now - timedelta(days=self._retention.days), "too old")
        while await self._database.read(queries.total_bytes) > self._retention.total_bytes:
            went = await self._remove(now, "there was no more room")
            removed += went
            if not went:
                break
        if removed:
            self._log.info("recordings_removed", count=removed)
        return removed

    async def _remove(self, before: datetime, reason: str) -> int:
        sessions = await self._database.read(queries.ended_before, before, BATCH)
        removed = 0
        for session in sessions:
            folder = self._folder / session
            here = await trio.to_thread.run_sync(partial(_remove_folder, folder))
            if self._archive is not None:
                await self._archive.drop(session)
            if here or self._archive is not None:
                await self._database.write(queries.remove, session, f"removed: {reason}")
                removed += 1
        return removed


def _remove_folder(folder: Path) -> bool:
    """Remove a recording's files; tell whether they were here."""
    if not folder.is_dir():
        return False
    shutil.rmtree(folder)
    return True


def examine(record: RecordingRecord, folder: Path) -> RecordingRecord | None:
    """Return a recording as its files say; ``None`` where they are not here."""
    recording = Recording(folder)
    parts = recording.parts
    if not parts:
        return None
    exchanges = frames = lost = 0
    at, ended = record.began_at.timestamp(), False
    for entry in recording.records():
        at = max(at, entry.at / 1e6)
        match entry:
            case Exchange():
                exchanges += 1
            case Frames():
                frames += peek_batch(entry.batch).count
            case Lost():
                lost += entry.frames
            case Happened(what=what):
                ended = ended or what == LAST
            case _:
                continue
    whole = ended and recording.cut is None
    reason = "the gateway ended before the session did"
    return replace(
        record,
        state=queries.WHOLE if whole else queries.CUT,
        detail="" if whole else f"{reason}: {recording.cut.reason}" if recording.cut else reason,
        parts=len(parts),
        bytes=sum(part.stat().st_size for part in parts),
        exchanges=exchanges,
        frames=frames,
        frames_lost=lost,
        ended_at=datetime.fromtimestamp(at, UTC),
    )
