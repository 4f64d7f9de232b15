"""An operator who has many requests in flight, over whatever carries them.

The same client measures the gateway and everything it is compared with: what differs is the
:class:`Carrier` (:mod:`benchmarks.carriers`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import NamedTuple, Protocol

import trio


class Request(NamedTuple):
    """One request on its way: its number, which connector, its bytes."""

    number: int
    connector: int
    data: bytes


class Answer(NamedTuple):
    """What came back for the request of this number."""

    number: int
    data: bytes


class Frames(NamedTuple):
    """A batch of raw frames, as :mod:`protocols.can.batch` has it."""

    batch: bytes


class Carrier(Protocol):
    """What stands between an operator and the connectors."""

    async def send(self, requests: Sequence[Request]) -> None:
        """Send requests, all at once where the carrier can."""

    async def receive(self) -> Sequence[Answer | Frames]:
        """Wait for what comes next."""


class Client:
    """Requests in flight over one carrier, matched by number; :func:`open_client` makes it."""

    def __init__(self, carrier: Carrier, on_frames: Callable[[bytes], None]) -> None:
        self._carrier = carrier
        self._on_frames = on_frames
        self._waiting: dict[int, tuple[trio.Event, list[bytes]]] = {}
        self._number = 0
        self._queued: list[Request] = []
        self._ready = trio.Event()

    async def read(self) -> None:
        """Match answers to their requests, for ever."""
        while True:
            for event in await self._carrier.receive():
                if isinstance(event, Frames):
                    self._on_frames(event.batch)
                    continue
                done, slot = self._waiting.pop(event.number)
                slot.append(event.data)
                done.set()

    async def write(self) -> None:
        """Send what is queued, all that waits together, for ever."""
        while True:
            await self._ready.wait()
            self._ready = trio.Event()
            requests, self._queued = self._queued, []
            await self._carrier.send(requests)

    async def exchange(self, connector: int, data: bytes) -> bytes:
        """Return the answer to one request."""
        self._number += 1
        done, slot = self._waiting[self._number] = (trio.Event(), [])
        self._queued.append(Request(self._number, connector, data))
        self._ready.set()
        await done.wait()
        return slot[0]


@asynccontextmanager
async def open_client(
    carrier: Carrier, on_frames: Callable[[bytes], None] = lambda _: None
) -> AsyncIterator[Client]:
    """Use a carrier while the block runs.

    Args:
        carrier: connected.
        on_frames: called with each batch of raw frames.
    """
    async with trio.open_nursery() as nursery:
        client = Client(carrier, on_frames)
        nursery.start_soon(client.read)
        nursery.start_soon(client.write)
        yield client
        nursery.cancel_scope.cancel()
