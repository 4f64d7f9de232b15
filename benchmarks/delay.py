"""A stretch of network: TCP between a connector and its gateway that takes its time, or breaks."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import trio

#: Chunks on their way in one direction; what is beyond waits at its sender, as in a full pipe.
IN_FLIGHT = 1 << 12

#: Bytes read at once.
READ = 1 << 16


@dataclass(eq=False)
class Stretch:
    """Made by :func:`open_stretch`.

    Attributes:
        port: where it listens on loopback.
        leads_to: port at its other end; a change counts for connections made after it.
        delay: seconds one way; may be changed at any time.
        scopes: of the connections that stand.
    """

    port: int
    leads_to: int
    delay: float
    scopes: set[trio.CancelScope] = field(default_factory=set)

    def cut(self) -> None:
        """Break every connection that stands; new ones get through."""
        for scope in self.scopes:
            scope.cancel()


@asynccontextmanager
async def open_stretch(port: int, delay: float = 0.0) -> AsyncIterator[Stretch]:
    """Lead to ``port`` of this machine while the block runs; ``delay`` in seconds, one way."""
    async with trio.open_nursery() as nursery:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        stretch = Stretch(listener.socket.getsockname()[1], port, delay)

        async def lead(near: trio.SocketStream) -> None:
            with trio.CancelScope() as scope:
                stretch.scopes.add(scope)
                try:
                    await _join(stretch, near)
                finally:
                    stretch.scopes.discard(scope)
                    await trio.aclose_forcefully(near)

        nursery.start_soon(trio.serve_listeners, lead, [listener])
        yield stretch
        nursery.cancel_scope.cancel()


async def _join(stretch: Stretch, near: trio.SocketStream) -> None:
    with suppress(OSError):
        far = await trio.open_tcp_stream("127.0.0.1", stretch.leads_to)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_carry, stretch, near, far, nursery.cancel_scope)
                nursery.start_soon(_carry, stretch, far, near, nursery.cancel_scope)
        finally:
            await trio.aclose_forcefully(far)


async def _carry(
    stretch: Stretch, source: trio.SocketStream, sink: trio.SocketStream, end: trio.CancelScope
) -> None:
    """Carry one direction; when it ends, so does the connection."""
    way_in, way_out = trio.open_memory_channel[tuple[float, bytes]](IN_FLIGHT)

    async def deliver() -> None:
        async for due, data in way_out:
            await trio.sleep_until(due)
            await sink.send_all(data)

    with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
        async with trio.open_nursery() as nursery, way_in:
            nursery.start_soon(deliver)
            latest = -math.inf
            while data := await source.receive_some(READ):
                latest = max(latest, trio.current_time() + stretch.delay)
                await way_in.send((latest, data))
            nursery.cancel_scope.cancel()
    end.cancel()
