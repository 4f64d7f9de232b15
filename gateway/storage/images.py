"""Images for transfers, and results of uploads: files by their SHA-256, read at any place.

    images/ab/abcdef...     a file whose name is its hash

A file is written aside, hashed as it comes, and gets its name once all of it is on the disk; so
whatever has a name is whole. Blocking calls run in worker threads, a few at a time.

Several nodes share a bucket behind their folders: what is put goes there as well, and what is not
in the folder is fetched from there, once.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import AsyncGenerator, AsyncIterable, Callable
from contextlib import aclosing
from datetime import datetime
from functools import partial
from pathlib import Path
from threading import Lock
from typing import IO, TypeVar

import trio

from gateway.storage.files.store import FileStore
from protocols.link.jobs import PIECE_SIZE

R = TypeVar("R")

#: How long a draft may take to be thrown away, seconds; it is one unlink.
DROPPING = 5.0

#: Bytes that go to the store behind, or come from it, at once.
BETWEEN_STORES = 1 << 20

#: Threads that may wait for the disk at once.
THREADS = 8

_DIGITS = frozenset("0123456789abcdef")


class Draft:
    """A file on its way into the store; made by :meth:`ImageStore.draft`."""

    def __init__(self, store: ImageStore, file: IO[bytes]) -> None:
        self.size = 0
        self._store = store
        self._file = file
        self._hash = hashlib.sha256()

    async def write(self, data: bytes) -> None:
        """Append bytes."""
        await self._store.in_thread(partial(self._write, data))

    def _write(self, data: bytes) -> None:
        self._file.write(data)
        self._hash.update(data)
        self.size += len(data)

    @property
    def name(self) -> str:
        """The name that it would get now."""
        return self._hash.hexdigest()

    async def keep(self) -> str:
        """Give it its name, which is returned; from now on it survives a crash.

        Raises:
            Unavailable: the store behind does not take it. It is here, and nowhere else.
        """
        name = await self.keep_here()
        await self._store.hand_on(name)
        return name

    async def keep_here(self) -> str:
        """Give it its name in the folder alone."""
        return await self._store.in_thread(self._keep)

    def _keep(self) -> str:
        name = self.name
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        path = self._store.path(name)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._store.names:
            Path(self._file.name).replace(path)
        return name

    async def drop(self) -> None:
        """Throw it away, unless it has its name."""
        await self._store.in_thread(self._drop)

    def _drop(self) -> None:
        self._file.close()
        Path(self._file.name).unlink(missing_ok=True)


class ImageStore:
    """Owns a folder; made with mode 0700 when the first file comes.

    Args:
        folder: of this node.
        behind: what all nodes share, if there are several.
    """

    def __init__(self, folder: Path, behind: FileStore | None = None) -> None:
        self._folder = folder
        self._behind = behind
        # Held while a file gets or loses its name: what is put anew is not removed as old.
        self.names = Lock()
        self._threads = trio.CapacityLimiter(THREADS)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Keep the store behind at hand until cancelled."""
        if self._behind is not None:
            await self._behind.run(task_status=task_status)
        task_status.started()
        await trio.sleep_forever()

    async def draft(self) -> Draft:
        """Begin a file."""
        return Draft(self, await self.in_thread(self._open))

    def _open(self) -> IO[bytes]:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return tempfile.NamedTemporaryFile(dir=self._folder, prefix="draft-", delete=False)

    async def put(self, chunks: AsyncIterable[bytes]) -> tuple[str, int]:
        """Keep what ``chunks`` yields; return its name and its bytes.

        Whatever ``chunks`` raises passes through, and nothing is kept.
        """
        draft = await self.draft()
        try:
            async for chunk in chunks:
                await draft.write(chunk)
            return await draft.keep(), draft.size
        finally:
            with trio.move_on_after(DROPPING, shield=True):
                await draft.drop()

    async def read(self, name: str, offset: int, length: int) -> bytes:
        """Return bytes of a file; less where it ends before.

        Raises:
            FileNotFoundError: there is none of this name.
            Unavailable: it is not here, and the store behind does not answer.
        """
        return await self._having(name, partial(self._read, name, offset, length))

    def _read(self, name: str, offset: int, length: int) -> bytes:
        with self.path(name).open("rb") as file:
            file.seek(offset)
            return file.read(length)

    async def pieces(self, name: str) -> tuple[bytes, ...]:
        """Return the SHA-256 of each piece of a file.

        Raises:
            FileNotFoundError: there is none of this name.
            Unavailable: it is not here, and the store behind does not answer.
        """
        return await self._having(name, partial(self._pieces, name))

    def _pieces(self, name: str) -> tuple[bytes, ...]:
        found = []
        with self.path(name).open("rb") as file:
            while piece := file.read(PIECE_SIZE):
                found.append(hashlib.sha256(piece).digest())
        return tuple(found)

    async def require(self, name: str) -> Path:
        """Return where a file is, for those who open it themselves.

        Raises:
            FileNotFoundError: there is none of this name.
            Unavailable: it is not here, and the store behind does not answer.
        """
        await self._having(name, self.path(name).stat)
        return self.path(name)

    async def hand_on(self, name: str) -> None:
        """Put a file of the folder into the store behind, if there is one.

        Raises:
            Unavailable: that does not take it.
        """
        if self._behind is not None:
            async with aclosing(self._chunks(name)) as chunks:
                await self._behind.put(name, chunks)

    async def _chunks(self, name: str) -> AsyncGenerator[bytes, None]:
        offset = 0
        while chunk := await self.in_thread(partial(self._read, name, offset, BETWEEN_STORES)):
            yield chunk
            offset += len(chunk)

    async def _having(self, name: str, call: Callable[[], R]) -> R:
        """Run a call that needs a file, which is fetched first if it is not here."""
        try:
            return await self.in_thread(call)
        except FileNotFoundError:
            if self._behind is None:
                raise
        self.path(name)  # no name, no question
        await self._fetch(name, self._behind)
        return await self.in_thread(call)

    async def _fetch(self, name: str, behind: FileStore) -> None:
        draft = await self.draft()
        try:
            while chunk := await behind.read(name, draft.size, BETWEEN_STORES):
                await draft.write(chunk)
            if draft.name != name:
                raise FileNotFoundError(f"{name:.8}... is damaged in the store behind")
            await draft.keep_here()
        finally:
            with trio.move_on_after(DROPPING, shield=True):
                await draft.drop()

    async def older_than(self, before: datetime) -> list[str]:
        """Return the names of files that were put before a moment, in order."""
        names = await self.in_thread(partial(self._older_than, before.timestamp()))
        if self._behind is None:
            return names
        return sorted({*names, *await self._behind.keys(before)})

    def _older_than(self, before: float) -> list[str]:
        found = self._folder.glob("[0-9a-f][0-9a-f]/*")
        return sorted(path.name for path in found if path.stat().st_mtime < before)

    async def remove(self, name: str, before: datetime) -> bool:
        """Remove a file that was put before a moment; tell whether it was there."""
        path = self.path(name)
        removed = await self.in_thread(partial(self._remove, path, before.timestamp()))
        if self._behind is None or (not removed and await self.in_thread(path.exists)):
            return removed
        await self._behind.delete(name)
        return True

    def _remove(self, path: Path, before: float) -> bool:
        with self.names:
            if not path.exists() or path.stat().st_mtime >= before:
                return False
            path.unlink()
            return True

    async def drop_drafts(self, before: datetime) -> int:
        """Remove what a crash has left half written before a moment; return how many."""
        return await self.in_thread(partial(self._drop_drafts, before.timestamp()))

    def _drop_drafts(self, before: float) -> int:
        left = [path for path in self._folder.glob("draft-*") if path.stat().st_mtime < before]
        for path in left:
            path.unlink(missing_ok=True)
        return len(left)

    def path(self, name: str) -> Path:
        """Return where a file is, or would be."""
        # Names come from outside; another one would be a way out of the folder.
        if len(name) != 64 or not _DIGITS.issuperset(name):
            raise FileNotFoundError(f"{name!r:.80} is no SHA-256 in hexadecimal")
        return self._folder / name[:2] / name

    async def in_thread(self, call: Callable[[], R]) -> R:
        """Run a blocking call in one of the store's threads."""
        return await trio.to_thread.run_sync(call, limiter=self._threads)
