"""Recordings that have ended, in the bucket that all nodes share: whichever is asked has them.

A node writes to its own disk. What has ended goes to the bucket within half a minute, or when the
bucket is back; what another node recorded is fetched from there when somebody asks, and kept as
long as the recording itself.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import shutil
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import TypeVar

import trio

from gateway.domain.errors import Unavailable
from gateway.runtime.logs import Log
from gateway.sessions.recording.reading import Recording
from gateway.sessions.recording.writer import part_path
from gateway.storage.database import Database
from gateway.storage.files.store import FileStore
from gateway.storage.queries import recordings as queries
from gateway.storage.queries.recordings import RecordingRecord

R = TypeVar("R")

#: Seconds between two looks at what has ended.
INTERVAL = 30.0

#: Seconds between two looks at what others have removed: it is only the disk's room.
SWEEP = 3_600.0

#: Seconds that the last look may take when the gateway ends.
LAST_LOOK = 15.0

#: Bytes that go to the bucket, or come from it, at once.
PIECE = 1 << 20

#: Recordings looked up at once.
BATCH = 200

#: In a recording's folder: the bucket has all of it.
MARK = ".archived"

_IS_SESSION = re.compile(r"[0-9a-f]{32}")

_ENDED = frozenset({queries.WHOLE, queries.CUT, queries.FAILED})


def key_of(session: str, part: int) -> str:
    """Return what a part of a recording is called in the bucket."""
    return hashlib.sha256(f"recording {session} {part}".encode()).hexdigest()


class Archive:
    """A service.

    Args:
        folder: of all recordings of this node.
        behind: what all nodes share.
        database: has the index.
        log: takes what could not be done.
    """

    def __init__(self, folder: Path, behind: FileStore, database: Database, log: Log) -> None:
        self._folder = folder
        self._behind = behind
        self._database = database
        self._log = log
        self._sweep_at = 0.0
        self._stopping = trio.Event()
        self._thread = trio.CapacityLimiter(1)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Put what has ended into the bucket until stopped, and then once more."""
        async with trio.open_nursery() as nursery:
            await nursery.start(self._behind.run)
            task_status.started()
            while not self._stopping.is_set():
                await self._try_look()
                with trio.move_on_after(INTERVAL):
                    await self._stopping.wait()
            await self._try_look()
            nursery.cancel_scope.cancel()

    def stop(self) -> None:
        """Look once more, then end."""
        self._stopping.set()

    async def _try_look(self) -> None:
        try:
            await self.look()
            if trio.current_time() >= self._sweep_at:
                self._sweep_at = trio.current_time() + SWEEP
                await self.sweep()
        except (Unavailable, OSError) as error:
            self._log.warning("recordings_not_archived", reason=str(error))

    async def look(self) -> int:
        """Put into the bucket what has ended and is not there; return how many there were.

        Raises:
            Unavailable: database or bucket do not answer; the next look goes on.
        """
        put = 0
        for record in await self._known(marked=False):
            if record.ended_at is not None and record.state in _ENDED:
                await self._put(record.session_id)
                put += 1
        return put

    async def sweep(self) -> None:
        """Remove from this node's disk what any node has removed.

        Raises:
            Unavailable: the database does not answer.
        """
        for marked in (True, False):
            for record in await self._known(marked=marked):
                if record.state == queries.REMOVED:
                    folder = self._folder / record.session_id
                    await self._in_thread(partial(shutil.rmtree, folder, ignore_errors=True))

    async def _known(self, *, marked: bool) -> list[RecordingRecord]:
        """Return what is on record of the folders here that have a mark, or have none."""
        names = await self._in_thread(partial(_sessions, self._folder, marked))
        found: list[RecordingRecord] = []
        for start in range(0, len(names), BATCH):
            batch = names[start : start + BATCH]
            found += await self._database.read(queries.known, batch)
        return found

    async def fetch(self, record: RecordingRecord) -> bool:
        """Get another node's recording into the folder; ``False`` where the bucket lacks it.

        Raises:
            Unavailable: the bucket does not answer.
        """
        if record.state not in _ENDED or record.parts == 0:
            return False
        draft = self._folder / f".fetch-{record.session_id}-{secrets.token_hex(4)}"
        try:
            for number in range(record.parts):
                await self._get(key_of(record.session_id, number), draft / "r", number)
            await self._in_thread(partial(self._keep, draft / "r", record.session_id))
        except FileNotFoundError:
            return False
        finally:
            with trio.CancelScope(shield=True):  # a few unlinks
                await self._in_thread(partial(shutil.rmtree, draft, ignore_errors=True))
        return True

    async def drop(self, session: str) -> None:
        """Remove a recording from the bucket; it must still be on record.

        Raises:
            Unavailable: database or bucket do not answer.
        """
        for record in await self._database.read(queries.known, [session]):
            for number in range(record.parts):
                await self._behind.delete(key_of(session, number))

    async def _put(self, session: str) -> None:
        folder = self._folder / session
        parts = await self._in_thread(lambda: Recording(folder).parts)
        for number, part in enumerate(parts):
            async with aclosing(self._pieces(part)) as pieces:
                await self._behind.put(key_of(session, number), pieces)
        await self._in_thread((folder / MARK).touch)

    async def _pieces(self, path: Path) -> AsyncGenerator[bytes, None]:
        offset = 0
        while piece := await self._in_thread(partial(_read, path, offset)):
            yield piece
            offset += len(piece)

    async def _get(self, key: str, folder: Path, number: int) -> None:
        path, offset = part_path(folder.parent, folder.name, number), 0
        await self._in_thread(partial(folder.mkdir, mode=0o700, parents=True, exist_ok=True))
        while piece := await self._behind.read(key, offset, PIECE):
            await self._in_thread(partial(_append, path, piece))
            offset += len(piece)

    def _keep(self, folder: Path, session: str) -> None:
        (folder / MARK).touch()
        if not (self._folder / session).exists():  # else somebody else asked for it as well
            folder.rename(self._folder / session)

    async def _in_thread(self, call: Callable[[], R]) -> R:
        return await trio.to_thread.run_sync(call, limiter=self._thread)


def _sessions(folder: Path, marked: bool) -> list[str]:
    """Return the sessions whose recordings are in a folder, and are marked, or are not."""
    if not folder.is_dir():
        return []
    found = (path for path in folder.iterdir() if _IS_SESSION.fullmatch(path.name))
    return sorted(path.name for path in found if (path / MARK).exists() is marked)


def _read(path: Path, offset: int) -> bytes:
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(PIECE)


def _append(path: Path, piece: bytes) -> None:
    with path.open("ab") as file:
        file.write(piece)
