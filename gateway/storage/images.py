"""Images for transfers, and results of uploads: files by their SHA-256, read at any place.

    images/ab/abcdef...     a file whose name is its hash

A file is written aside, hashed as it comes, and gets its name once all of it is on the disk; so
whatever has a name is whole. Blocking calls run in worker threads, a few at a time.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import AsyncIterable, Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from threading import Lock
from typing import IO, TypeVar

import trio

from protocols.link.jobs import PIECE_SIZE

R = TypeVar("R")

#: How long a draft may take to be thrown away, seconds; it is one unlink.
DROPPING = 5.0

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
        await self._store.run(partial(self._write, data))

    def _write(self, data: bytes) -> None:
        self._file.write(data)
        self._hash.update(data)
        self.size += len(data)

    @property
    def name(self) -> str:
        """The name that it would get now."""
        return self._hash.hexdigest()

    async def keep(self) -> str:
        """Give it its name, which is returned; from now on it survives a crash."""
        return await self._store.run(self._keep)

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
        await self._store.run(self._drop)

    def _drop(self) -> None:
        self._file.close()
        Path(self._file.name).unlink(missing_ok=True)


class ImageStore:
    """Owns a folder; made with mode 0700 when the first file comes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # Held while a file gets or loses its name: what is put anew is not removed as old.
        self.names = Lock()
        self._threads = trio.CapacityLimiter(THREADS)

    async def draft(self) -> Draft:
        """Begin a file."""
        return Draft(self, await self.run(self._open))

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
        """
        return await self.run(partial(self._read, name, offset, length))

    def _read(self, name: str, offset: int, length: int) -> bytes:
        with self.path(name).open("rb") as file:
            file.seek(offset)
            return file.read(length)

    async def pieces(self, name: str) -> tuple[bytes, ...]:
        """Return the SHA-256 of each piece of a file.

        Raises:
            FileNotFoundError: there is none of this name.
        """
        return await self.run(partial(self._pieces, name))

    def _pieces(self, name: str) -> tuple[bytes, ...]:
        found = []
        with self.path(name).open("rb") as file:
            while piece := file.read(PIECE_SIZE):
                found.append(hashlib.sha256(piece).digest())
        return tuple(found)

    async def older_than(self, before: datetime) -> list[str]:
        """Return the names of files that were put before a moment, in order."""
        return await self.run(partial(self._older_than, before.timestamp()))

    def _older_than(self, before: float) -> list[str]:
        found = self._folder.glob("[0-9a-f][0-9a-f]/*")
        return sorted(path.name for path in found if path.stat().st_mtime < before)

    async def remove(self, name: str, before: datetime) -> bool:
        """Remove a file that was put before a moment; tell whether it was there."""
        return await self.run(partial(self._remove, self.path(name), before.timestamp()))

    def _remove(self, path: Path, before: float) -> bool:
        with self.names:
            if not path.exists() or path.stat().st_mtime >= before:
                return False
            path.unlink()
            return True

    async def drop_drafts(self, before: datetime) -> int:
        """Remove what a crash has left half written before a moment; return how many."""
        return await self.run(partial(self._drop_drafts, before.timestamp()))

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

    async def run(self, call: Callable[[], R]) -> R:
        """Run a blocking call in one of the store's threads."""
        return await trio.to_thread.run_sync(call, limiter=self._threads)
