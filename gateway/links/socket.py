"""trio-websocket's server side, driven by the connection's own task and without its queue.

The library reads in a task of its own and hands each message over through a channel. For ten
thousand links that is a second task each, and two task switches for every message. Here the
connection's task runs the library's reader itself, and a message is handed to a callback within
it. Everything else (upgrade, frames, pings, close handshake) is the library's.

It rests on private parts, so trio-websocket is pinned exactly, and
``tests/gateway/links/test_link_socket.py`` proves that they are where this module expects them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress

import trio
from trio_websocket import WebSocketConnection, WebSocketRequest
from typing_extensions import override
from wsproto import ConnectionType, WSConnection
from wsproto.events import BytesMessage, Request, TextMessage

from protocols.link.messages import MAX_ENVELOPE

#: Bytes read at once. Most messages of a link are far below it, and each idle connection's
#: buffers count ten thousand times.
RECEIVE_SIZE = 4096


class LinkSocket(WebSocketConnection):
    """One accepted connection; :meth:`run` is its reader.

    Args:
        stream: as accepted.
        decide: answers the upgrade request, by accepting or rejecting it.
        receive: takes each message, whole, in the reader's task; must not block.
    """

    def __init__(
        self,
        stream: trio.abc.Stream,
        decide: Callable[[WebSocketRequest], Awaitable[None]],
        receive: Callable[[str | bytes], None],
    ) -> None:
        super().__init__(
            stream,
            WSConnection(ConnectionType.SERVER),
            max_message_size=MAX_ENVELOPE,
            receive_buffer_size=RECEIVE_SIZE,
        )
        self._decide = decide
        self._receive = receive

    async def run(self) -> None:
        """Read until the connection is closed, by either side."""
        await self._reader_task()

    async def hang_up(self) -> None:
        """Close the connection under the websocket; the reader then ends."""
        await self._close_stream()

    @override
    async def _handle_request_event(self, event: Request) -> None:
        await self._decide(WebSocketRequest(self, event))

    @override
    async def _handle_message_event(self, event: BytesMessage | TextMessage) -> None:
        if self.closed is not None:
            return  # ended already, by a message over the limit for one
        if event.message_finished and not self._message_parts:
            data = event.data
            self._hand_over(data if isinstance(data, str) else bytes(data))
            return
        # In parts: the library puts them together, bounds them, and leaves the whole in its
        # channel, which has room for one.
        await super()._handle_message_event(event)
        with suppress(trio.WouldBlock, trio.ClosedResourceError, trio.EndOfChannel):
            self._hand_over(self._recv_channel.receive_nowait())

    def _hand_over(self, data: str | bytes) -> None:
        try:
            self._receive(data)
        except KeyError as error:
            # The library takes any KeyError for an event it does not know, and goes on.
            raise RuntimeError(f"a message could not be handled: {error!r}") from error
