"""trio-websocket's server side, driven by the connection's own task and without its queue.

The library reads in a task of its own and hands each message over through a channel. For ten
thousand links that is a second task each, and two task switches for every message. Here the
connection's task runs the library's reader itself, and a message is handed to a callback within
it. Everything else (upgrade, frames, pings, close handshake) is the library's.

One kind of frame is nearly all that a link carries: a whole binary message. Such a frame is taken
apart here as soon as it is read. The library takes 17 microseconds for 60 bytes and 21 for a batch
of frames, this 2 and 4: a tenth of an exchange, and a quarter of what a batch costs. Whatever else
comes, and a frame that has not come whole, is the library's: it gets the bytes from there on.
Frames that go out are the library's too; making them here would save 4 microseconds.

It rests on private parts of trio-websocket, which is therefore pinned exactly, and of wsproto;
``tests/gateway/links/test_link_socket.py`` proves that they are where this module expects them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from contextlib import suppress

import trio
from trio_websocket import ConnectionClosed, WebSocketConnection, WebSocketRequest
from typing_extensions import override
from wsproto import ConnectionType, WSConnection
from wsproto.connection import ConnectionState
from wsproto.events import BytesMessage, Event, Request, TextMessage
from wsproto.handshake import H11Handshake

from gateway.links.wire import Wire
from protocols.link.messages import MAX_ENVELOPE

#: Bytes read at once. Idle connections hold no buffer meanwhile, and one that was behind has many
#: messages.
RECEIVE_SIZE = 16384

# RFC 6455 5.2: the first byte of a whole binary message, the bit of the second that says that it
# is masked, and the two values of the length that stand for a longer one.
_WHOLE_BINARY = 0x82
_MASKED = 0x80
_LENGTH_16, _LENGTH_64 = 126, 127
_MASK_SIZE = 4


class _Upgraded(H11Handshake):
    """Stands in for the upgrade of every connection where it is over."""

    def __init__(self) -> None:
        super().__init__(ConnectionType.SERVER)

    @override
    def events(self) -> Generator[Event, None, None]:
        yield from ()


_UPGRADED = _Upgraded()


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
        self._wire = Wire(stream, self._take)
        super().__init__(
            self._wire,
            WSConnection(ConnectionType.SERVER),
            max_message_size=MAX_ENVELOPE,
            receive_buffer_size=RECEIVE_SIZE,
        )
        self._decide = decide
        self._receive = receive

    async def run(self) -> None:
        """Read until the connection is closed, by either side."""
        await self._reader_task()

    def send_nowait(self, data: bytes) -> bool:
        """Send a binary message as far as that is possible at once.

        Returns:
            False where somebody has to call :meth:`drain` before anything else is sent: a part of
            it waits, or the connection is being closed (the message is lost then).
        """
        if self._close_reason is not None:
            return False
        return self._wire.send_nowait(self._wsproto.send(BytesMessage(data)))

    async def drain(self) -> None:
        """Send what waits.

        Raises:
            ConnectionClosed: nothing can be sent any more.
        """
        async with self._stream_lock:
            if self._close_reason is None:
                try:
                    await self._wire.send_all(b"")
                except (trio.BrokenResourceError, trio.ClosedResourceError):
                    await self._abort_web_socket()
        if self._close_reason is not None:
            raise ConnectionClosed(self._close_reason)

    async def hang_up(self) -> None:
        """Close the connection under the websocket; the reader then ends."""
        await self._close_stream()

    def let_go(self) -> None:
        """Forget whom this called, and let the stream forget this: it is over."""
        self._wire.let_go()
        del self._decide, self._receive, self._wire, self._stream

    def _take(self, data: bytes) -> bytes:
        """Hand over the whole binary messages at the beginning of ``data``; return the rest."""
        while self._is_between_messages():
            place = whole_message(data)
            if place is None:
                break
            start, end = place
            self._hand_over(unmask(data[start - _MASK_SIZE : start], data[start:end]))
            data = data[end:]
        return data

    def _is_between_messages(self) -> bool:
        """Tell whether the connection is open and the library has no part of any message."""
        connection = self._wsproto.connection
        if connection is None or self._close_reason is not None:
            return False
        frames = connection._proto  # noqa: SLF001 - see the module's own words on private parts
        decoder = frames._frame_decoder  # noqa: SLF001
        return (
            connection.state is ConnectionState.OPEN
            and decoder.header is None
            and not decoder.buffer
            and frames._message_decoder.opcode is None  # noqa: SLF001
        )

    @override
    async def _handle_request_event(self, event: Request) -> None:
        await self._decide(WebSocketRequest(self, event))
        if self._wsproto.connection is not None:
            # What the upgrade leaves behind is 4 KiB: an HTTP parser, the request, its headers.
            self._wsproto.handshake = _UPGRADED
            event.extra_headers.clear()

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


def whole_message(data: bytes) -> tuple[int, int] | None:
    """Return where the payload of the whole binary message lies that ``data`` begins with.

    ``None`` where it begins with something else, or with one that is longer than 65,535 bytes or
    has not come whole, or is not as a client must send it.
    """
    if len(data) < 2 + _MASK_SIZE or data[0] != _WHOLE_BINARY or not data[1] & _MASKED:
        return None
    size, start = data[1] - _MASKED, 2 + _MASK_SIZE
    if size == _LENGTH_64:
        return None
    if size == _LENGTH_16:
        size, start = int.from_bytes(data[2:4], "big"), 4 + _MASK_SIZE
        if size < _LENGTH_16:
            return None
    end = start + size
    return None if end > len(data) else (start, end)


def unmask(key: bytes, payload: bytes) -> bytes:
    """Return the payload without its mask (RFC 6455 5.3): one XOR of two long numbers."""
    size = len(payload)
    mask = (key * (size // _MASK_SIZE + 1))[:size]
    plain = int.from_bytes(payload, "little") ^ int.from_bytes(mask, "little")
    return plain.to_bytes(size, "little")
