"""What a session streams: raw frames of a bus, and news.

Both wait in bounded queues of the script's own. Frames drop their oldest batch when the script is
slow, and count them; news drop their oldest likewise and say so with news of kind ``gap``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Generic, Self, TypeVar

import trio

from gateway.client.errors import ClientError, Ended
from protocols.can.batch import add_losses, decode_batch, peek_batch
from protocols.can.frame import CanFrame

T = TypeVar("T")

#: Batches and news that may wait for the script. A batch is 10 ms of a bus as a rule.
MAX_BATCHES = 512
MAX_NEWS = 512

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

#: News as they came: ``kind`` and what belongs to it.
News = dict[str, object]


@dataclass(frozen=True, slots=True)
class Frames:
    """Frames of one bus, in the order they were seen.

    Attributes:
        frames: with time stamps of the connector's own clock, microseconds.
        dropped: how many were lost before these, wherever that was.
        epoch_us: add this to a time stamp for microseconds since 1970, UTC.
    """

    frames: tuple[CanFrame, ...]
    dropped: int
    epoch_us: int

    def seconds(self, frame: CanFrame) -> float:
        """Return when a frame was seen: seconds since 1970, UTC, by the connector's clock."""
        return (frame.timestamp_us + self.epoch_us) / 1e6

    def when(self, frame: CanFrame) -> datetime:
        """Return the same as a date."""
        return _EPOCH + timedelta(microseconds=frame.timestamp_us + self.epoch_us)


class _Queue(Generic[T]):
    """Items for one reader; closed with the reason why no more will come."""

    def __init__(self, capacity: int, lost: Callable[[T], None]) -> None:
        self._items: deque[T] = deque()
        self._capacity = capacity
        self._lost = lost
        self._ready = trio.Event()
        self._end: ClientError | None = None

    def put(self, item: T) -> None:
        if len(self._items) >= self._capacity:
            self._lost(self._items.popleft())
        self._items.append(item)
        self._ready.set()

    def close(self, why: ClientError) -> None:
        if self._end is None:
            self._end = why
        self._ready.set()

    async def get(self) -> T:
        while not self._items:
            if self._end is not None:
                raise self._end
            self._ready = trio.Event()
            await self._ready.wait()
        await trio.lowlevel.checkpoint()
        return self._items.popleft()


class FrameStream:
    """Frames of one bus; an asynchronous iterator of :class:`Frames`.

    Iteration raises :class:`~gateway.client.errors.Ended` when session, connector or bus are
    gone. ``interruptions`` counts reconnections, during which frames passed unseen.
    """

    def __init__(self, bus: str, index: int) -> None:
        self.bus = bus
        self.index = index
        self.interruptions = 0
        self.epoch_us = 0
        #: Whether the script holds it; a new connection is told.
        self.paused = False
        self._untold = 0
        self._queue: _Queue[bytes] = _Queue(MAX_BATCHES, self._lose)

    def take(self, batch: bytes) -> None:
        """Take a batch from the gateway."""
        self._queue.put(batch)

    def _lose(self, batch: bytes) -> None:
        header = peek_batch(batch)
        self._untold += header.count + header.dropped

    def close(self, why: ClientError) -> None:
        """No more will come."""
        self._queue.close(why)

    async def receive(self) -> Frames:
        """Wait for frames.

        Raises:
            Ended: session, connector or bus are gone.
        """
        batch = await self._queue.get()
        if self._untold:
            batch, self._untold = add_losses(batch, self._untold), 0
        decoded = decode_batch(batch)
        return Frames(decoded.frames, decoded.dropped, self.epoch_us)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Frames:
        return await self.receive()


class NewsStream:
    """What happens in a session; an asynchronous iterator of news.

    Kinds are ``exchange``, ``lease``, ``job``, ``connector``, ``door``, ``chat``, ``ended`` and,
    where some have been missed, ``gap``. Iteration stops after ``ended``.
    """

    def __init__(self) -> None:
        self._queue: _Queue[News] = _Queue(MAX_NEWS, self._lose)
        self._gap = False
        self._over = False

    def take(self, news: News) -> None:
        """Take news from the gateway."""
        self._queue.put(news)

    def _lose(self, _: News) -> None:
        self._gap = True

    def close(self, why: ClientError) -> None:
        """No more will come."""
        self._queue.close(why)

    async def receive(self) -> News:
        """Wait for news.

        Raises:
            Ended: the session is gone.
        """
        if self._gap:
            self._gap = False
            await trio.lowlevel.checkpoint()
            return {"kind": "gap", "detail": "This script was too slow; some news were dropped."}
        return await self._queue.get()

    async def receive_or_none(self) -> News | None:
        """Wait for news; ``None`` where no more will come."""
        try:
            return await self.receive()
        except Ended:
            return None

    async def __aiter__(self) -> AsyncIterator[News]:
        while not self._over:
            news = await self.receive()
            self._over = news.get("kind") == "ended"
            yield news
