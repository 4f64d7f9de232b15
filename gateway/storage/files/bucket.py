"""Files in a bucket of an S3-compatible service, by presigned addresses over our own HTTP client.

What fits into one part goes in one request. More is a multipart upload: nobody sees it before it
is complete, and one that breaks off is aborted, at once or by the upkeep's next round.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from xml.etree.ElementTree import Element, fromstring
from xml.sax.saxutils import escape

import httpx2
import trio

from gateway.config import FileSettings
from gateway.domain.errors import Unavailable
from gateway.runtime.logs import Log
from gateway.storage.files.presigned import Presigner

#: Bytes of one part; the protocol's least is 5 MiB, its most 10,000 parts.
PART = 8 << 20

#: Attempts at one request, and seconds before the second; each may be made twice without harm.
ATTEMPTS, FIRST_PAUSE = 3, 0.2

#: Seconds the end of a broken upload may take.
ABORTING = 5.0

_DIGITS = frozenset("0123456789abcdef")

_MISSING, _BEYOND_THE_END = 404, 416


@dataclass(frozen=True, slots=True)
class _Listed:
    """One thing of a listing: its name and its age; the upload's id where it is one."""

    key: str
    at: datetime
    upload: str = ""


class BucketStore:
    """Owns the HTTP client, which is closed when :meth:`run` ends.

    Args:
        settings: where the bucket is; checked before.
        log: where it is told why the service refused; never an address, which lets people in.
        room: part of the key that keeps this use of the bucket apart from others.
    """

    def __init__(self, settings: FileSettings, log: Log, room: str = "files") -> None:
        self._presigner = Presigner(settings, settings.s3_endpoint)
        public = settings.s3_public_endpoint
        self._public = Presigner(settings, public) if public else None
        self._prefix = f"{settings.s3_prefix}{room}/"
        self._log = log
        self._http = httpx2.AsyncClient(timeout=settings.s3_timeout, trust_env=False)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Keep connections until cancelled."""
        task_status.started()
        try:
            await trio.sleep_forever()
        finally:
            with trio.move_on_after(ABORTING, shield=True):
                await self._http.aclose()

    async def put(self, key: str, chunks: AsyncIterable[bytes]) -> None:
        """Keep what ``chunks`` yields; see :class:`FileStore`.

        Raises:
            Unavailable: the service does not answer, or refuses; nothing is kept.
        """
        name = self._name(key)
        async with aclosing(_parts(chunks)) as parts:
            first = await anext(parts)
            if len(first) < PART:
                await self._ask("PUT", name, content=first)
            else:
                await self._put_parts(name, first, parts)

    async def read(self, key: str, offset: int, size: int) -> bytes:
        """Return up to ``size`` bytes from ``offset`` on; see :class:`FileStore`.

        Raises:
            FileNotFoundError: there is nothing under this key.
            Unavailable: the service does not answer, or refuses.
        """
        wanted = {"Range": f"bytes={offset}-{offset + size - 1}"}
        answer = await self._ask(
            "GET", self._name(key), headers=wanted, also={_MISSING, _BEYOND_THE_END}
        )
        match answer.status_code:
            case 404:
                raise FileNotFoundError(key)
            case 416:
                return b""
            case 206:
                return answer.content
            case _:  # the whole of it: a service may ignore the range
                return answer.content[offset : offset + size]

    async def delete(self, key: str) -> None:
        """Forget it; nothing happens if it is not there."""
        await self._ask("DELETE", self._name(key), also={_MISSING})

    async def keys(self, older_than: datetime) -> tuple[str, ...]:
        """Return the keys of what was put before ``older_than``; abort uploads that old."""
        uploads = {"uploads": "", "prefix": self._prefix}
        for one in _listed(await self._document("GET", "", uploads), "Upload", "Initiated"):
            if one.at < older_than:
                await self._ask("DELETE", one.key, {"uploadId": one.upload}, also={_MISSING})
        return tuple([key async for key in self._old_keys(older_than)])

    def direct(self, key: str, content_type: str, disposition: str, seconds: int) -> str | None:
        """Return where a client may fetch it by itself; ``None`` when it must come to us."""
        if self._public is None:
            return None
        query = {
            "response-content-type": content_type,
            "response-content-disposition": disposition,
            "response-cache-control": "private, no-store",
        }
        return self._public.url("GET", self._name(key), query, seconds=seconds)

    async def _put_parts(
        self, name: str, first: bytes, parts: AsyncGenerator[bytes, None]
    ) -> None:
        started = await self._document("POST", name, {"uploads": ""})
        upload = {"uploadId": _text(started, "UploadId")}
        try:
            tags = [await self._put_part(name, upload, 1, first)]
            async for part in parts:
                tags.append(await self._put_part(name, upload, len(tags) + 1, part))
            await self._complete(name, upload, tags)
        except BaseException:
            with trio.move_on_after(ABORTING, shield=True):
                await self._abort(name, upload)
            raise

    async def _put_part(
        self, name: str, upload: Mapping[str, str], number: int, content: bytes
    ) -> str:
        answer = await self._ask(
            "PUT", name, {**upload, "partNumber": str(number)}, content=content
        )
        return str(answer.headers["ETag"])

    async def _complete(self, name: str, upload: Mapping[str, str], tags: list[str]) -> None:
        answer = await self._ask("POST", name, upload, content=_completion(tags))
        if code := _code(answer):  # a 200 that begins before the service knows how it ends
            raise self._failed("POST", code)

    async def _abort(self, name: str, upload: Mapping[str, str]) -> None:
        try:
            await self._ask("DELETE", name, upload, also={_MISSING})
        except Unavailable:
            self._log.info("file_upload_left_behind")  # the upkeep aborts it later

    async def _old_keys(self, older_than: datetime) -> AsyncGenerator[str, None]:
        query = {"list-type": "2", "prefix": self._prefix}
        while True:
            page = await self._document("GET", "", query)
            for one in _listed(page, "Contents", "LastModified"):
                key = one.key.removeprefix(self._prefix)
                if one.at < older_than and _is_key(key):
                    yield key
            following = _text(page, "NextContinuationToken")
            if not following:
                return
            query["continuation-token"] = following

    async def _document(self, method: str, name: str, query: Mapping[str, str]) -> Element:
        answer = await self._ask(method, name, query)
        return fromstring(answer.content)  # noqa: S314 - our own service's, and expat is bounded

    async def _ask(
        self,
        method: str,
        name: str,
        query: Mapping[str, str] | None = None,
        *,
        content: bytes = b"",
        headers: Mapping[str, str] | None = None,
        also: set[int] | None = None,
    ) -> httpx2.Response:
        """Return a successful answer, or one whose status is in ``also``."""
        reason = ""
        for attempt in range(ATTEMPTS):
            if attempt:
                await trio.sleep(FIRST_PAUSE * 2 ** (attempt - 1))
            url = self._presigner.url(method, name, query)
            try:
                answer = await self._http.request(method, url, content=content, headers=headers)
            except httpx2.HTTPError as error:
                reason = type(error).__name__
                continue
            if answer.is_success or answer.status_code in (also or ()):
                return answer
            reason = f"{answer.status_code} {_code(answer)}"
            if answer.status_code < 500 and answer.status_code != 429:
                break
        raise self._failed(method, reason)

    def _failed(self, method: str, reason: str) -> Unavailable:
        self._log.error("file_store_failed", method=method, reason=reason)
        return Unavailable(
            "files.unavailable",
            "The file store does not answer at present. Try again in a few seconds.",
            retry_after=5.0,
        )

    def _name(self, key: str) -> str:
        # Keys are our own; a wrong one would be a way out of the prefix.
        if not _is_key(key):
            raise ValueError(f"{key!r:.40} is no key")
        return self._prefix + key


def bucket_of(settings: FileSettings, log: Log, room: str) -> BucketStore | None:
    """Return a room of the bucket that all nodes share, where there is one."""
    return BucketStore(settings, log, room) if settings.kind == "s3" else None


def _is_key(key: str) -> bool:
    return len(key) in {32, 64} and _DIGITS.issuperset(key)


async def _parts(chunks: AsyncIterable[bytes]) -> AsyncGenerator[bytes, None]:
    """Yield what comes in pieces of :data:`PART` bytes, the last one shorter, maybe empty."""
    gathered = bytearray()
    async for chunk in chunks:
        gathered += chunk
        while len(gathered) >= PART:
            yield bytes(gathered[:PART])
            del gathered[:PART]
    yield bytes(gathered)


def _completion(tags: list[str]) -> bytes:
    parts = "".join(
        f"<Part><PartNumber>{number}</PartNumber><ETag>{escape(tag)}</ETag></Part>"
        for number, tag in enumerate(tags, 1)
    )
    return f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()


def _named(element: Element, name: str) -> Iterator[Element]:
    """Yield the members of a name; services differ in the namespace they put them in."""
    return (one for one in element if one.tag.rpartition("}")[2] == name)


def _text(element: Element, name: str) -> str:
    return next((one.text or "" for one in _named(element, name)), "")


def _listed(page: Element, kind: str, age: str) -> Iterator[_Listed]:
    for one in _named(page, kind):
        at = datetime.fromisoformat(_text(one, age))
        yield _Listed(_text(one, "Key"), at, _text(one, "UploadId"))


def _code(answer: httpx2.Response) -> str:
    """Return the service's word for its refusal, such as ``NoSuchBucket``."""
    _, _, rest = answer.text[:1000].partition("<Code>")
    return rest.partition("</Code>")[0][:64]
