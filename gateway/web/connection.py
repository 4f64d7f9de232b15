"""One HTTP connection: Hypercorn's own, with the bounds that it lacks.

Hypercorn (pinned to 0.18.0, because these are its private parts) serves a connection in
``TCPServer.run``. Six things are added here; the guard around ``run`` is in ``server``:

- Sending is bounded. Hypercorn shields its writes from cancellation without a deadline, so a peer
  that stops reading holds its task, and the shutdown, for ever.
- Reading is bounded by silence in both directions for requests, so that a long download is no
  silence, and by the peer's silence for websockets, where pings make it speak.
- A websocket message over the limit ends the connection. Hypercorn sends a close frame and goes
  on collecting whatever else the peer sends.
- What follows an answer is done in any case. Hypercorn ends the request's stream first, which has
  the application cancel the task that would then make room for the next request, or close: an
  answer that came before the body would leave a connection that neither serves nor ends.
- A connection ends when its peer is gone or it is closed. Hypercorn's pinger and idle timer would
  sleep out their intervals first; and its reader, when a request was refused before it was read
  to its end, waits for a request that cannot come, for ever.
- A websocket's application may hand over ready frames (``frames``): they go to the socket at once,
  without a task's turn, as long as nothing else is on its way there.
"""

from __future__ import annotations

import math
import os
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any, cast

import trio
from hypercorn.config import Config
from hypercorn.events import Closed, Event, RawData, Updated
from hypercorn.protocol.h2 import H2Protocol
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.protocol.http_stream import HTTPStream
from hypercorn.protocol.ws_stream import ASGIWebsocketState, WSStream
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import EventWrapper, WorkerContext
from hypercorn.typing import AppWrapper, LifespanState, Scope
from typing_extensions import override
from wsproto.connection import ConnectionState

from gateway.runtime.guard import close_now
from gateway.web.frames import SendFrame, announce

Stream = trio.SocketStream | trio.SSLStream[trio.SocketStream]

#: Bytes read at once.
_READ = 1 << 16

#: Bytes that must get through within one send deadline; a slow download is fine, a stalled one
#: is not.
_SEND_PIECE = 1 << 16


class _Context(WorkerContext):
    """What Hypercorn's parts share on one connection; its sleep ends with the connection."""

    def __init__(self, shared: WorkerContext) -> None:
        super().__init__(None)
        self.terminate = shared.terminate
        self.terminated = shared.terminated
        self.gone = trio.Event()

    # Hypercorn has it static, and only ever calls it on an instance.
    @override
    async def sleep(self, wait: float) -> None:  # type: ignore[override]
        with trio.move_on_after(wait):
            await self.gone.wait()


class _CanRead(EventWrapper):
    """Where Hypercorn's reader waits until a request is answered before it reads the next one."""

    def __init__(self, protocol: H11Protocol, reading: trio.CancelScope) -> None:
        super().__init__()
        self._protocol = protocol
        self._reading = reading

    @override
    async def wait(self) -> None:
        stream = self._protocol.stream
        # Hypercorn refused the request itself, without an application that could end the stream:
        # nobody will wake us. Any other closed stream is about to make room for the next request.
        if stream is not None and stream.closed and stream.app_put is None:
            self._reading.cancel()
        await super().wait()


class Connection(TCPServer):
    """A connection from accept to close; :meth:`run` serves it."""

    def __init__(
        self,
        app: AppWrapper,
        config: Config,
        context: WorkerContext,
        state: LifespanState,
        stream: Stream,
        *,
        send_timeout: float,
    ) -> None:
        self._context = _Context(context)
        self._reading = trio.CancelScope()
        # Hypercorn takes both kinds of stream and annotates one.
        tls = cast("trio.SSLStream[trio.SocketStream]", stream)
        announced = cast("AppWrapper", partial(_announced, app, self.send_nowait))
        super().__init__(announced, config, self._context, state, tls)
        self._send_timeout = send_timeout
        self._plain = stream if isinstance(stream, trio.SocketStream) else None
        self._head = self._rest = b""
        self._sent_at = self._heard_at = trio.current_time()

    @override
    async def protocol_send(self, event: Event) -> None:
        if isinstance(event, Updated) and self._context.gone.is_set():
            return  # nobody left to be idle for
        if isinstance(event, RawData):
            if self._is_head(event.data):
                self._head += event.data
                return
            if await self._send_in_turn(event.data):
                return
        else:
            await super().protocol_send(event)
        if not isinstance(event, Updated):
            self._reading.cancel()

    def send_nowait(self, frame: bytes) -> bool:
        """Send a whole websocket frame at once; ``False`` where it cannot be, and nothing went.

        Only on a plain socket with an open websocket, and only while nothing else is being sent.
        """
        if self._plain is None or self._rest or self.send_lock.locked():
            return False
        if not self._takes_frames():
            return False
        try:
            sent = os.write(self._plain.socket.fileno(), frame)
        except OSError:  # it is full, or broken, which the next to send in turn finds out
            return False
        if sent < len(frame):
            self._rest = frame[sent:]
            self._task_group.spawn(self._send_in_turn, b"")
        return True

    def _takes_frames(self) -> bool:
        protocol = self.protocol.protocol
        stream = protocol.stream if isinstance(protocol, H11Protocol) else None
        return (
            isinstance(stream, WSStream)
            and stream.state is ASGIWebsocketState.CONNECTED
            and not stream.closed
            and stream.connection.state is ConnectionState.OPEN
        )

    async def _send_in_turn(self, data: bytes) -> bool:
        """Send what is left of a frame, a head that waits, and ``data``; or close, and say so."""
        async with self.send_lock:
            data, self._rest, self._head = self._rest + self._head + data, b"", b""
            is_sent = await self._send(data)
        if not is_sent:
            await close_now(self.stream)
            await self.protocol.handle(Closed())
        return is_sent

    def _is_head(self, data: bytes) -> bool:
        """Tell whether this is an answer's head, which can go with what follows: half the packets.

        Something always follows: a body, or the end of a message that has none.
        """
        protocol = self.protocol.protocol
        if not isinstance(protocol, H11Protocol) or not data.startswith(b"HTTP/1.1 "):
            return False
        # h11 has its states as classes that print as their names.
        is_request = isinstance(protocol.stream, HTTPStream)
        return is_request and str(protocol.connection.our_state) == "SEND_BODY"

    async def _send(self, data: bytes) -> bool:
        view = memoryview(data)
        try:
            for start in range(0, len(view), _SEND_PIECE):
                # Shielded, as Hypercorn has it: half a frame on the wire is worse than a late end.
                with trio.move_on_after(self._send_timeout, shield=True) as scope:
                    await self.stream.send_all(view[start : start + _SEND_PIECE])
                if scope.cancelled_caught:
                    return False
                self._sent_at = trio.current_time()
        except (trio.BrokenResourceError, trio.ClosedResourceError, trio.BusyResourceError):
            return False  # busy: with its end, because everything else is sent in turn
        return True

    @override
    async def _read_data(self) -> None:
        protocol = self.protocol.protocol
        if isinstance(protocol, H11Protocol):
            protocol.can_read = _CanRead(protocol, self._reading)
            protocol._maybe_recycle = partial(  # type: ignore[method-assign]  # noqa: SLF001 - see above
                self._uncancelled,
                protocol._maybe_recycle,  # noqa: SLF001
            )
        with self._reading:
            while await self._read_once():
                pass
        await self.protocol.handle(Closed())
        self._context.gone.set()
        await self.idle_task.stop()

    async def _uncancelled(self, recycle: Callable[[], Awaitable[None]]) -> None:
        with trio.move_on_after(self._send_timeout, shield=True):
            await recycle()

    async def _read_once(self) -> bool:
        """Read and handle what the peer sends; tell whether to go on."""
        data: bytes | None = None
        try:
            with trio.move_on_at(self._silent_from()):
                data = bytes(await self.stream.receive_some(_READ))
        except (trio.ClosedResourceError, trio.BrokenResourceError):
            return False
        if data is None:  # silence; unless something was sent meanwhile, that is the end
            return trio.current_time() < self._silent_from()
        self._heard_at = trio.current_time()
        return await self._handle(data)

    async def _handle(self, data: bytes) -> bool:
        await self.protocol.handle(RawData(data))
        return bool(data) and not any(self._is_done(stream) for stream in self._websockets())

    def _is_done(self, stream: WSStream) -> bool:
        # Over the limit, or an upgrade refused with "connection: close": keep that word. Under
        # HTTP/2 a websocket is one stream of many, and ends without the connection.
        is_overrun = stream.buffer.length > self.config.websocket_max_message_size
        return is_overrun or (stream.closed and isinstance(self.protocol.protocol, H11Protocol))

    def _silent_from(self) -> float:
        """Return when the connection counts as dead unless something happens before."""
        limit = self.config.read_timeout or math.inf
        if any(True for _ in self._websockets()):
            return self._heard_at + limit
        return max(self._heard_at, self._sent_at) + limit

    def _websockets(self) -> Iterator[WSStream]:
        protocol = self.protocol.protocol
        streams: tuple[HTTPStream | WSStream | None, ...] = ()
        if isinstance(protocol, H2Protocol):
            streams = tuple(protocol.streams.values())
        elif isinstance(protocol, H11Protocol):
            streams = (protocol.stream,)
        return (stream for stream in streams if isinstance(stream, WSStream))


# Any: ASGI's two channels and Hypercorn's two ways into threads, handed on as they are.
async def _announced(app: AppWrapper, send: SendFrame, scope: Scope, *channels: Any) -> None:
    if scope["type"] == "websocket":
        announce(scope, send)
    await app(scope, *channels)
