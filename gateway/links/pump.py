"""Moves bytes between one websocket and its link machine.

The reader is the connection's own task, and the link's machine runs within it. What there is to
say is written at once, by whoever caused it, as far as the socket has room. A writer is started
when it has none, and ends when all is written: links that idle or are read as fast as they are
written to cost one task each, and a caller that is cancelled never leaves half a websocket frame
behind.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio
from trio_websocket import ConnectionClosed, WebSocketRequest

from gateway.links.socket import LinkSocket
from gateway.links.timers import Timers
from protocols.link.connection import LinkConnection
from protocols.link.events import Closed, Event
from protocols.link.messages import CloseCode
from protocols.link.state import State

#: How long a goodbye may take to leave, seconds; a peer that does not read gets none.
FAREWELL = 2.0

#: Websocket close codes (RFC 6455 7.4.1) for our own: a connector that only knows websockets
#: learns the essential from it.
_WEBSOCKET_CODES = {
    CloseCode.NORMAL: 1000,
    CloseCode.RESTARTING: 1012,
    CloseCode.OVERLOADED: 1013,
    CloseCode.TOO_LARGE: 1009,
    CloseCode.PROTOCOL: 1002,
    CloseCode.CREDIT: 1002,
}
_POLICY_VIOLATION = 1008


class Pump:
    """Owns the traffic of one connection; lives as long as :meth:`run`.

    Args:
        stream: as accepted.
        decide: answers the websocket upgrade; calls :meth:`opened` when it has accepted.
        link: the machine behind it.
        handle: called for each event, synchronously, in order.
        timers: keeps the link's deadlines.
    """

    def __init__(
        self,
        stream: trio.abc.Stream,
        decide: Callable[[WebSocketRequest], Awaitable[None]],
        link: LinkConnection,
        handle: Callable[[Event], None],
        timers: Timers,
    ) -> None:
        self.link = link
        self.socket = LinkSocket(stream, decide, self._receive)
        self._handle = handle
        self._timers = timers
        self._nursery: trio.Nursery | None = None
        self._is_open = False
        self._writing = False
        self._stuck_since: float | None = None
        self._room = trio.lowlevel.ParkingLot()
        self._closed: Closed | None = None
        self.scheduled = float("inf")

    async def run(self) -> None:
        """Carry traffic until the connection is closed."""
        try:
            async with trio.open_nursery() as nursery:
                self._nursery = nursery
                try:
                    await self.socket.run()
                finally:
                    # Before the nursery closes: timers and callers elsewhere start tasks in it.
                    self._nursery = None
                nursery.cancel_scope.cancel()
        finally:
            self._timers.forget(self)
            self._room.unpark_all()
            if self._is_open:  # a stranger that never got a websocket had no link to lose
                self._lose(f"the connection broke ({self.socket.closed or 'cut'})")
            self._let_go()

    def _let_go(self) -> None:
        """Drop what holds the connection's parts together in a circle.

        They go at once then, and not when the collector comes by: strangers at the door could
        make hundreds of megabytes wait for it. A timer may hold this object for a while yet.
        """
        self._handle = _ignore
        self.socket.let_go()
        del self.socket

    def start_soon(self, work: Callable[[], Awaitable[object]]) -> None:
        """Run something beside the traffic; it ends with the connection at the latest."""
        if self._nursery is not None:
            self._nursery.start_soon(work)

    def opened(self) -> None:
        """The websocket is accepted: say what is ready from now on."""
        self._is_open = True
        self.stir()

    def _receive(self, data: str | bytes) -> None:
        if isinstance(data, str):
            self.link.close(CloseCode.PROTOCOL, "text messages are not part of this protocol")
        else:
            self.link.receive(data, trio.current_time())
        self.stir()

    def stir(self) -> None:
        """Handle what happened and send what is ready.

        Only for the connection's own tasks: a fault while handling ends this connection alone.
        """
        self._tell()
        self._make_room()
        self.flush()

    def _tell(self) -> None:
        while (event := self.link.next_event()) is not None:
            if isinstance(event, Closed):
                self._closed = event
            self._handle(event)

    def flush(self) -> None:
        """Send what is ready and note the next deadline; never blocks, callable from any task."""
        nursery = self._nursery
        if nursery is None or not self._is_open:
            return
        if self.link.state is State.CLOSED:
            # A goodbye may leave, but a peer that does not read does not hold us.
            scope = nursery.cancel_scope
            scope.deadline = min(scope.deadline, trio.current_time() + FAREWELL)
        if not self._writing and (not self._send_ready() or self.link.state is State.CLOSED):
            self._writing = True
            nursery.start_soon(self._write)
        self._timers.keep(self)

    def _send_ready(self) -> bool:
        """Write what is ready; tell whether all of it has left."""
        sent = False
        while (data := self.link.next_outgoing()) is not None:
            if not self.socket.send_nowait(data):
                return False
            sent = True
        if sent:
            self._make_room()
        return True

    def _make_room(self) -> None:
        """Let those who have frames to send try again."""
        if self._room:  # nobody, for nearly every message
            self._room.unpark_all()

    async def _write(self) -> None:
        try:
            while True:
                self._stuck_since = trio.current_time()
                await self.socket.drain()
                self._make_room()
                if self._send_ready():
                    break
        except ConnectionClosed as closed:
            self._lose(f"the connection broke ({closed.reason})")
        finally:
            self._writing = False
            self._stuck_since = None
        if self.link.state is State.CLOSED:
            # Said goodbye. The reader takes the peer's farewell and ends; `flush` has set how
            # long that may take.
            await self.socket.aclose(*self._farewell())

    async def write_frames(self, batch: bytes) -> bool:
        """Send a batch of frames as soon as there is room; tell whether the link took it."""
        while not self.link.send_frames(batch):
            if self._nursery is None or self.link.state is State.CLOSED:
                return False
            await self._room.park()
        self.flush()
        return True

    def fire(self, now: float) -> None:
        """Called by the timers when a deadline of the link is due.

        A fault in what is done then ends this connection, and not the timers of all.
        """
        if self._nursery is None:
            return
        try:
            if self._stuck_since is not None and now - self._stuck_since >= self.link.patience:
                # It may well go on sending: without this, what waits for it would wait for ever.
                self.link.close(CloseCode.SILENT, "the connector does not read")
            self.link.handle_deadline(now)
            self.stir()
        except Exception as error:  # noqa: BLE001 - the boundary of this connection
            self._nursery.start_soon(_fail, error)

    def end(self, code: CloseCode, reason: str, *, retry_after: float | None = None) -> None:
        """Say goodbye and let :meth:`run` finish, within a bound even if the peer hangs.

        Args:
            code: why, for the connector's program.
            reason: why, for people.
            retry_after: seconds after which the connector should come back.
        """
        self.link.close(code, reason, retry_after=retry_after)
        self.flush()

    def _lose(self, reason: str) -> None:
        self.link.lost(reason)
        self._tell()

    def _farewell(self) -> tuple[int, str]:
        closed = self._closed
        if closed is None or closed.by_peer:
            return _WEBSOCKET_CODES[CloseCode.NORMAL], ""
        code = CloseCode(closed.code)
        return _WEBSOCKET_CODES.get(code, _POLICY_VIOLATION), code.name.lower()


def _ignore(_event: Event) -> None:
    """Take what a connection tells that is over."""


async def _fail(error: Exception) -> None:
    raise error
