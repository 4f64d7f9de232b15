"""Reserve, fill, fetch: records and bytes kept in step."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import AsyncGenerator, AsyncIterable
from contextlib import aclosing
from uuid import UUID

import trio

from gateway.domain.clock import Clock
from gateway.domain.errors import Conflict, Invalid, NotFound, Throttled, TooLarge
from gateway.storage.database import Database
from gateway.storage.files.kinds import HEAD, Kind, kind_of
from gateway.storage.files.store import FileStore
from gateway.storage.queries import files
from gateway.storage.queries.files import FileRecord

#: Bytes fetched at once.
PIECE = 256 * 1024

#: Seconds an address to fetch a file elsewhere is good for: it is followed at once.
DIRECT_FOR = 60

#: Seconds an upload may take altogether: it holds a place that others wait for.
UPLOAD_LIMIT = 600.0


class FileCabinet:
    """Where the doors put files and get them.

    Args:
        database: where files are on record.
        store: where their bytes are.
        largest: bytes of one file.
        uploads: uploads that may run at once; the next one is turned away, because whoever
            waits holds memory already.
        clock: wall clock.
    """

    def __init__(
        self, database: Database, store: FileStore, *, largest: int, uploads: int, clock: Clock
    ) -> None:
        self._database = database
        self._store = store
        self.largest = largest
        self._uploads = trio.CapacityLimiter(uploads)
        self._clock = clock

    async def fill(self, file_id: UUID, chunks: AsyncIterable[bytes]) -> FileRecord:
        """Take the bytes of a reserved file.

        Raises:
            NotFound: nothing is reserved under this id.
            Conflict: its bytes are there already.
            Invalid: they are not of the kind that the name says, or there are none.
            TooLarge: there are more of them than ``largest``.
            Throttled: too many uploads run at this moment.
        """
        record = await self._require(file_id)
        if record.stored_at is not None:
            raise _filled()
        try:
            self._uploads.acquire_nowait()
        except trio.WouldBlock:
            detail = "Too many files are uploaded at this moment. Try again in a few seconds."
            raise Throttled("files.busy", detail, retry_after=5.0) from None
        try:
            with trio.fail_after(UPLOAD_LIMIT):
                return await self._fill(record, chunks)
        except trio.TooSlowError as error:
            detail = "The upload took too long. Ask for a new link, then send it in one go."
            raise Invalid("files.too_slow", detail) from error
        finally:
            self._uploads.release()

    async def stored(self, file_id: UUID) -> FileRecord:
        """Return a file whose bytes are there.

        Raises:
            NotFound: there is none, or its bytes have not come yet.
        """
        record = await self._require(file_id)
        if record.store_key is None:
            raise NotFound("files.empty", "This file has not been uploaded yet.")
        return record

    def direct(self, record: FileRecord, disposition: str) -> str | None:
        """Return where a client may fetch a stored file by itself, if anywhere."""
        key, kind = record.store_key or "", record.content_type
        return self._store.direct(key, kind, disposition, DIRECT_FOR)

    async def pieces(self, record: FileRecord) -> AsyncGenerator[bytes, None]:
        """Yield the bytes of a stored file."""
        offset = 0
        while piece := await self._store.read(record.store_key or "", offset, PIECE):
            yield piece
            offset += len(piece)

    async def _fill(self, record: FileRecord, chunks: AsyncIterable[bytes]) -> FileRecord:
        # A key of its own for each attempt: of two at once, neither overwrites the other.
        key, inspected = secrets.token_hex(16), _Inspected(kind_of(record.name), self.largest)
        async with aclosing(inspected.passing(chunks)) as passing:
            await self._store.put(key, passing)
        stored = await self._database.write(
            files.store, record.id, key, inspected.size, inspected.sha256, self._clock()
        )
        if not stored:
            await self._store.delete(key)
            raise _filled()
        return await self._require(record.id)

    async def _require(self, file_id: UUID) -> FileRecord:
        record = await self._database.read(files.find, file_id)
        if record is None:
            raise NotFound("files.unknown", "There is no such file. Ask for a new link.")
        return record


class _Inspected:
    """Looks at bytes on their way into the store."""

    def __init__(self, kind: Kind, largest: int) -> None:
        self._kind = kind
        self._largest = largest
        self._hash = hashlib.sha256()
        self.size = 0

    @property
    def sha256(self) -> bytes:
        return self._hash.digest()

    async def passing(self, chunks: AsyncIterable[bytes]) -> AsyncGenerator[bytes, None]:
        """Yield what comes; raise as soon as it cannot be taken."""
        head = b""
        async for chunk in chunks:
            self.size += len(chunk)
            if self.size > self._largest:
                detail = f"A file has at most {self._largest} bytes. Attach a smaller one."
                raise TooLarge("files.too_large", detail)
            if self._kind.is_text and b"\0" in chunk:
                raise self._wrong()
            if self.size - len(chunk) < HEAD <= self.size:
                self._look(head + chunk)
            head = (head + chunk)[:HEAD]
            self._hash.update(chunk)
            yield chunk
        if self.size == 0:
            raise Invalid("files.empty", "The file is empty. Send its bytes as the body.")
        if self.size < HEAD:
            self._look(head)

    def _look(self, head: bytes) -> None:
        if not self._kind.begins(head[:HEAD]):
            raise self._wrong()

    def _wrong(self) -> Invalid:
        return Invalid(
            "files.content",
            f"The bytes are not of the kind that the name says ({self._kind.content_type}). "
            "Rename the file to what it is, and ask for a new link.",
        )


def _filled() -> Conflict:
    return Conflict("files.stored", "This file is stored already. Attach a new one.")
