"""Raw frames of many buses, gathered into few messages for one client.

A websocket message costs as much as two hundred frames do otherwise. So a client that connects
with ``?batch=1`` gets all batches that wait for it in one binary message
(:mod:`protocols.can.bundle`), each as the connector sent it.

After a rest the first batch leaves at once. While messages follow each other, each leaves
:data:`PAUSE` after the one before it, or when that is written where the client is slower. What
waits meanwhile is kept, dropped and counted by each bus's own feed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import trio

from gateway.links.monitors import FrameFeed
from protocols.can.bundle import HEADER_SIZE, entry_header

#: Shortest time from one message to the next, seconds; what gathering adds to a frame at most.
PAUSE = 0.01

#: Bytes at which a message counts as full; the last batch may go beyond. The next one does not
#: wait then. Small enough that answers to exchanges, which go in between, do not notice.
FULL = 65_536


class FrameGatherer:
    """The feeds that have something for one client; :meth:`write` is a task of its socket."""

    def __init__(self) -> None:
        # In the order in which they are served; each bounded, and there are as many as streams.
        self._waiting: dict[FrameFeed, bytes] = {}
        self._ready = trio.Event()

    @contextmanager
    def following(self, feed: FrameFeed, session_id: str) -> Iterator[None]:
        """Send what comes in a feed while the block runs; what still waits then is not sent."""
        session = bytes.fromhex(session_id)

        def ready() -> None:
            self._waiting[feed] = session
            self._ready.set()

        feed.call_when_ready(ready)
        try:
            yield
        finally:
            feed.call_when_ready(None)
            self._waiting.pop(feed, None)

    async def write(self, send: Callable[[bytes], Awaitable[None]]) -> None:
        """Send what waits, for ever."""
        while True:
            await self._ready.wait()
            began = trio.current_time()
            message = self._gather()
            if message:
                await send(message)
            if len(message) < FULL:
                await trio.sleep_until(began + PAUSE)

    def _gather(self) -> bytes:
        """Return one message of what waits; empty where whoever had something has left."""
        parts: list[bytes] = []
        size = 0
        while self._waiting and size < FULL:
            feed = next(iter(self._waiting))
            session = self._waiting.pop(feed)
            while size < FULL and (batch := feed.take()) is not None:
                parts += (entry_header(session, len(batch)), batch)
                size += HEADER_SIZE + len(batch)
            if feed.lag:
                self._waiting[feed] = session  # behind the others
        if not self._waiting:
            self._ready = trio.Event()
        return b"".join(parts)
