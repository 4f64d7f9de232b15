"""Files of transfer jobs between the image store and connectors: images down, results up."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from uuid import UUID

import trio

from gateway.domain.errors import Unavailable
from gateway.links import refusals
from gateway.links.connector import LiveConnector
from gateway.links.registry import Registry
from gateway.storage.images import DROPPING, Draft, ImageStore
from protocols.link.files import WINDOW, Fetch, chunks
from protocols.link.jobs import CHUNK_SIZE, FileChunk, FileRefused, FileRequest
from protocols.link.messages import Channel, CloseCode

#: Ranges one connector may have asked for; four fill its window for one image.
MAX_ASKED = 64

#: Chunks that may wait on a link; beyond, the next one is read from the disk later. It is what
#: 5 MB/s make of the pause between two looks.
MAX_WAITING, LOOK_AGAIN = 32, 0.1

#: Answers the question whether a connector may have an image.
MayHave = Callable[[UUID, str], int | None]


class ImageSender:
    """Sends images to connectors, each range when it is asked for.

    Args:
        registry: who is online.
        store: where the images are.
        may_have: returns the size of an image that a job of this connector needs, or ``None``.
    """

    def __init__(self, registry: Registry, store: ImageStore, may_have: MayHave) -> None:
        self._registry = registry
        self._store = store
        self._may_have = may_have
        self._asked: dict[UUID, deque[FileRequest]] = {}

    def take(self, connector: UUID, request: FileRequest, nursery: trio.Nursery) -> None:
        """Take a request; more than an honest connector makes end its connection."""
        asked = self._asked.get(connector)
        if asked is None:
            self._asked[connector] = deque((request,))
            nursery.start_soon(self._send_all, connector)
        elif len(asked) < MAX_ASKED:
            asked.append(request)
        else:
            live = self._registry.find(connector)
            if live is not None:
                live.end_connection(CloseCode.PROTOCOL, "too many ranges are asked for at once")

    def forget(self, connector: UUID) -> None:
        """What was asked for on an earlier link is asked for again on the new one."""
        asked = self._asked.get(connector)
        if asked is not None:
            asked.clear()

    async def _send_all(self, connector: UUID) -> None:
        asked = self._asked[connector]
        try:
            while asked:
                with suppress(Unavailable):  # it is gone for good: nobody waits for this
                    await self._send(connector, asked.popleft())
        finally:
            del self._asked[connector]

    async def _send(self, connector: UUID, request: FileRequest) -> None:
        name = request.sha256.hex()
        live = self._registry.require(connector)
        generation = live.generation
        size = self._may_have(connector, name)
        if size is None or not 0 <= request.offset < size:
            live.send(FileRefused(request.sha256, "no job of this connector needs such a file"))
            return
        for offset, length in chunks(request, size):
            try:
                data = await self._store.read(name, offset, length)
            except (OSError, Unavailable):
                live.send(FileRefused(request.sha256, "the image is not to be had"))
                return
            await self._wait_for_room(connector, live)
            if live.generation != generation:
                return
            live.send(FileChunk(request.sha256, offset, data))

    async def _wait_for_room(self, connector: UUID, live: LiveConnector) -> None:
        while self._registry.require(connector) is live:
            if live.memory.delivery.waiting(Channel.FILE) < MAX_WAITING:
                return
            # A link says nothing when it has drained, and images have time.
            await trio.sleep(LOOK_AGAIN)
        raise refusals.gone()


class ResultFetch:
    """One result on its way from a connector into the store.

    Args:
        sha256: its name, 32 bytes.
        size: its bytes.
        send: sends over the link; may raise ``Unavailable``.
        store: where it goes.
    """

    def __init__(
        self, sha256: bytes, size: int, send: Callable[[FileRequest], None], store: ImageStore
    ) -> None:
        self._fetch = Fetch(sha256, size)
        self._send = send
        self._store = store
        self._arrived, self._chunks = trio.open_memory_channel[FileChunk](
            2 * WINDOW // CHUNK_SIZE  # twice what is asked for: a link that begins anew asks again
        )

    async def run(self) -> str | None:
        """Fetch it; return its name in the store, or ``None`` where the connector lacks it."""
        draft = await self._store.draft()
        try:
            self._ask()
            await self._receive(draft)
            if draft.name != self._fetch.sha256.hex():
                return None
            name = await draft.keep_here()
            with suppress(Unavailable):  # it is here, where its job was
                await self._store.hand_on(name)
            return name
        finally:
            with trio.move_on_after(DROPPING, shield=True):
                await draft.drop()

    async def _receive(self, draft: Draft) -> None:
        async for chunk in self._chunks:
            if self._fetch.takes(chunk):
                await draft.write(chunk.data)
                self._ask()
            if self._fetch.complete:
                return

    def take(self, chunk: FileChunk) -> None:
        """Take a chunk; what nobody asked for is left out."""
        with suppress(trio.WouldBlock, trio.ClosedResourceError):
            self._arrived.send_nowait(chunk)

    def give_up(self) -> None:
        """There is no more to come."""
        self._arrived.close()

    def begin_again(self) -> None:
        """What was asked for on an earlier link does not come any more."""
        self._fetch.begin_again(self._fetch.have)
        self._ask()

    def _ask(self) -> None:
        with suppress(Unavailable):  # asked again when the connector is back
            for request in self._fetch.next_requests():
                self._send(request)
