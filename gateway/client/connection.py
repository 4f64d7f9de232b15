"""Dialling the operators' websocket: once, or again with pauses that grow."""

from __future__ import annotations

import random
import ssl
from urllib.parse import urlsplit

import trio
from trio_websocket import (
    ConnectionRejected,
    HandshakeError,
    WebSocketConnection,
    wrap_client_stream,
)

from gateway.client.errors import Unreachable

#: Seconds for connecting, TLS and the upgrade.
_CONNECT_LIMIT = 20.0

#: Longest message that is taken: gathered frames, or one answer with its neighbours.
_MAX_MESSAGE = 64 << 20

#: Close code of the gateway for "sign in first".
CLOSE_UNAUTHORIZED = 4401


#: What a websocket runs on.
Stream = trio.SocketStream | trio.SSLStream[trio.SocketStream]


class Line:
    """An open websocket and the stream below it; :func:`dial` makes it."""

    def __init__(self, websocket: WebSocketConnection, stream: Stream) -> None:
        self._websocket = websocket
        self._stream = stream

    async def send(self, message: str | bytes) -> None:
        """Send one message; raises ``ConnectionClosed`` where that is over."""
        await self._websocket.send_message(message)

    async def receive(self) -> str | bytes:
        """Wait for a message; raises ``ConnectionClosed`` at the end."""
        return await self._websocket.get_message()

    @property
    def close_code(self) -> int | None:
        """Why the other side closed, where it said so."""
        reason = self._websocket.closed
        return None if reason is None else reason.code

    async def aclose(self) -> None:
        """Take leave; cancelled, the connection is closed all the same."""
        try:
            await self._websocket.aclose()
        finally:
            await trio.aclose_forcefully(self._stream)


async def dial(nursery: trio.Nursery, url: str, token: str, tls: ssl.SSLContext | None) -> Line:
    """Connect and sign in; the connection's reading is a task of ``nursery``.

    Where the other side declines, that task ends the nursery with a ``HandshakeError``.

    Raises:
        Unreachable: no connection, or no websocket; the text says which.
    """
    parts = urlsplit(url)
    stream: Stream | None = None
    line: Line | None = None
    try:
        with trio.fail_after(_CONNECT_LIMIT):
            stream = await _connect(parts.hostname or "", parts.port, parts.scheme, tls)
            websocket = await wrap_client_stream(
                nursery,
                stream,
                parts.netloc,
                f"{parts.path}?{parts.query}",
                extra_headers=[(b"Authorization", f"Bearer {token}".encode())],
                max_message_size=_MAX_MESSAGE,
                receive_buffer_size=1 << 16,
            )
            line = Line(websocket, stream)
    except (OSError, trio.TooSlowError, trio.BrokenResourceError, HandshakeError) as error:
        raise no_websocket(url, error) from error
    finally:
        if line is None and stream is not None:
            await trio.aclose_forcefully(stream)
    return line


async def _connect(host: str, port: int | None, scheme: str, tls: ssl.SSLContext | None) -> Stream:
    if scheme == "ws":
        return await trio.open_tcp_stream(host, port or 80)
    stream = await trio.open_ssl_over_tcp_stream(
        host, port or 443, ssl_context=tls or ssl.create_default_context(), https_compatible=True
    )
    try:
        await stream.do_handshake()
    except BaseException:
        await trio.aclose_forcefully(stream)
        raise
    return stream


def no_websocket(url: str, error: BaseException) -> Unreachable:
    """Return the error for a handshake that failed."""
    if isinstance(error, ConnectionRejected):
        reason = f"HTTP status {error.status_code}"
    else:
        cause = error.__cause__ if isinstance(error, trio.BrokenResourceError) else error
        reason = str(cause or error) or type(error).__name__
    return Unreachable(f"No websocket at {url}: {reason}")


class Pauses:
    """How long to wait before dialling again: doubling, with full jitter."""

    FIRST, LONGEST = 0.2, 10.0

    def __init__(self) -> None:
        self._next = self.FIRST

    def restart(self) -> None:
        """A connection worked: begin with short ones again."""
        self._next = self.FIRST

    async def wait(self) -> None:
        """Wait one pause."""
        longest, self._next = self._next, min(2 * self._next, self.LONGEST)
        await trio.sleep(random.uniform(0, longest))  # noqa: S311 - spreads load, hides nothing
