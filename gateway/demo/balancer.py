"""A TCP balancer in miniature: connectors dial one address, and reach a node that is there."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from urllib.parse import urlsplit, urlunsplit

import trio

_AT_ONCE = 1 << 16


class Balancer:
    """Owned by the demonstration; :meth:`run` is its service.

    Args:
        urls: what it stands in front of, the first that answers first.
    """

    def __init__(self, urls: Sequence[str]) -> None:
        self._urls = tuple(urls)

    async def run(self, *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED) -> None:
        """Carry connections until cancelled; reports the URL to dial."""
        async with trio.open_nursery() as nursery:
            serve = partial(trio.serve_tcp, self._carry, 0, host="127.0.0.1")
            listeners: list[trio.SocketListener] = await nursery.start(serve)
            port = listeners[0].socket.getsockname()[1]
            address = urlsplit(self._urls[0])
            task_status.started(urlunsplit(address._replace(netloc=f"127.0.0.1:{port}")))

    async def _carry(self, near: trio.SocketStream) -> None:
        far = await self._dial()
        if far is None:
            return  # the stream is closed: whoever dialled tries again
        async with far, trio.open_nursery() as nursery:
            nursery.start_soon(_pump, near, far, nursery.cancel_scope)
            nursery.start_soon(_pump, far, near, nursery.cancel_scope)

    async def _dial(self) -> trio.SocketStream | None:
        for url in self._urls:
            address = urlsplit(url)
            try:
                return await trio.open_tcp_stream(str(address.hostname), address.port or 80)
            except OSError:
                continue
        return None


async def _pump(
    source: trio.SocketStream, sink: trio.SocketStream, both: trio.CancelScope
) -> None:
    try:
        while data := await source.receive_some(_AT_ONCE):
            await sink.send_all(data)
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        both.cancel()
        return
    both.cancel()
