"""Files in a folder of this machine: ``ab/abcdef...``, each written aside and renamed.

Blocking calls run in worker threads, a few at a time, so that a slow disk slows files alone.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterable, Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import BinaryIO, TypeVar

import trio

R = TypeVar("R")

#: Threads that may wait for the disk at once.
THREADS = 8

_DIGITS = frozenset("0123456789abcdef")


class FolderStore:
    """Owns a folder; made with mode 0700 when the first file comes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._threads = trio.CapacityLimiter(THREADS)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Hold on to nothing until cancelled."""
        task_status.started()
        await trio.sleep_forever()

    async def put(self, key: str, chunks: AsyncIterable[bytes]) -> None:
        """Keep what ``chunks`` yields; see :class:`FileStore`."""
        path = self._path(key)
        draft = path.with_suffix(".part")
        await self._run(partial(path.parent.mkdir, mode=0o700, parents=True, exist_ok=True))
        try:
            file = await self._run(partial(_create, draft))
            try:
                async for chunk in chunks:
                    await self._run(partial(file.write, chunk))
                await self._run(partial(_sync, file))
            finally:
                with trio.CancelScope(shield=True):
                    await self._run(file.close)
            await self._run(partial(_publish, draft, path))
        except BaseException:
            # The bytes are of no use to anybody; deleting them does not wait for the network.
            with trio.CancelScope(shield=True):
                await self._run(partial(draft.unlink, missing_ok=True))
            raise

    async def read(self, key: str, offset: int, size: int) -> bytes:
        """Return up to ``size`` bytes from ``offset`` on; see :class:`FileStore`."""
        return await self._run(partial(_read, self._path(key), offset, size))

    async def delete(self, key: str) -> None:
        """Forget it; nothing happens if it is not there."""
        await self._run(partial(self._path(key).unlink, missing_ok=True))

    async def keys(self, older_than: datetime) -> tuple[str, ...]:
        """Return the keys of what was put before ``older_than``; drafts that old are deleted."""
        return await self._run(partial(_sweep, self._folder, older_than))

    def direct(self, key: str, content_type: str, disposition: str, seconds: int) -> None:
        """Tell that nobody can fetch it without us."""

    async def _run(self, call: Callable[[], R]) -> R:
        return await trio.to_thread.run_sync(call, limiter=self._threads)

    def _path(self, key: str) -> Path:
        # Keys are our own; a wrong one would be a way out of the folder.
        if len(key) not in {32, 64} or not _DIGITS.issuperset(key):
            raise ValueError(f"{key!r:.40} is no key")
        return self._folder / key[:2] / key


def _create(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _read(path: Path, offset: int, size: int) -> bytes:
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(size)


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _publish(draft: Path, path: Path) -> None:
    draft.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the name, too, must survive
    finally:
        os.close(folder)


def _sweep(folder: Path, older_than: datetime) -> tuple[str, ...]:
    found = []
    for path in folder.glob("??/*"):
        try:
            written_at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        except FileNotFoundError:
            continue  # deleted meanwhile
        if written_at >= older_than:
            continue
        if path.suffix == ".part":
            path.unlink(missing_ok=True)
        else:
            found.append(path.name)
    return tuple(found)
