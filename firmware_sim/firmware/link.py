"""The connector's end of the link under Trio: dial, keep, dial again.

One task runs :meth:`LinkClient.run` for the life of the connector. Between connections whatever
was said waits in the link's memory; after a reconnection within the gateway's window it goes out
as if nothing had happened.
"""

from __future__ import annotations

import secrets
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import trio
from trio_websocket import (
    ConnectionClosed,
    HandshakeError,
    WebSocketConnection,
    open_websocket_url,
)

from protocols.link.connection import LinkMemory, queue_message
from protocols.link.connector import ConnectorLink
from protocols.link.events import Closed, Event, Live
from protocols.link.handshake import NONCE_SIZE, sign
from protocols.link.messages import (
    MAX_ENVELOPE,
    SUBPROTOCOL,
    Capabilities,
    Channel,
    CloseCode,
    Message,
)
from protocols.link.state import State

#: From dialling to an open websocket, seconds.
DIAL_LIMIT = 15.0

#: How long a goodbye may take to leave, and the websocket to close, seconds each.
FAREWELL = 2.0

#: Longest pause a gateway can ask for, seconds: a connector must not be sent away for good.
LONGEST_WISH = 3600.0

#: Goodbyes after which dialling again is pointless until a person has looked.
FINAL_CODES = frozenset(
    {CloseCode.AUTHENTICATION, CloseCode.VERSION, CloseCode.DISABLED, CloseCode.REPLACED}
)


class LinkRefusedError(Exception):
    """The gateway does not want this connector; dialling again would not help."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Full-jitter exponential back-off, seconds.

    A fleet that loses its gateway must not come back in one blow: each connector waits a random
    part of a span that doubles with each failure.
    """

    first: float = 0.5
    longest: float = 30.0

    def pause(self, failures: int, random: Random) -> float:
        """Return how long to wait after this many failures in a row."""
        return random.uniform(0, min(self.longest, self.first * 2 ** min(failures, 16)))


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the connector is.

    Attributes:
        uuid: 36 characters.
        private_key: Ed25519, raw, 32 bytes.
    """

    uuid: str
    private_key: bytes

    def prove(self, data: bytes) -> bytes:
        """Sign the handshake."""
        return sign(self.private_key, data)


class LinkClient:
    """One connector's link, across all its connections.

    Args:
        url: the gateway's link port, ``ws://`` or ``wss://``.
        identity: who dials.
        capabilities: what it offers.
        handle: called for each event of the link, synchronously, in order.
        random: for the jitter.
        tls: context for ``wss://``; the system's trust store when left out.
        backoff: pauses between attempts.
    """

    def __init__(
        self,
        url: str,
        identity: Identity,
        capabilities: Capabilities,
        handle: Callable[[Event], None],
        *,
        random: Random,
        tls: ssl.SSLContext | None = None,
        backoff: Backoff | None = None,
    ) -> None:
        self._url = url
        self._identity = identity
        self._capabilities = capabilities
        self._handle = handle
        self._random = random
        self._tls = tls
        self._backoff = backoff or Backoff()
        self._memory = LinkMemory()
        self._link: ConnectorLink | None = None
        self._said = trio.lowlevel.ParkingLot()  # here waits the writer
        self._room = trio.lowlevel.ParkingLot()  # here wait senders of frames
        self._sooner = trio.lowlevel.ParkingLot()  # here waits the timer
        self._due = float("inf")
        self._closed: Closed | None = None
        self._lived = False

    # --- for the connector's program ---------------------------------------------------------

    @property
    def live(self) -> bool:
        """The link is up at this moment."""
        return self._link is not None and self._link.state is State.LIVE

    def send(self, message: Message) -> None:
        """Queue a message; without a connection it waits for the next.

        Raises:
            ChannelFull: too many wait already.
        """
        queue_message(self._memory.delivery, message)
        self._said.unpark_all()

    async def send_frames(self, batch: bytes) -> bool:
        """Send a batch of frames as soon as there is room; tell whether the link took it."""
        while (link := self._link) is not None and link.state is State.LIVE:
            if link.send_frames(batch):
                self._said.unpark_all()
                return True
            await self._room.park()
        return False

    def consumed(self, channel: Channel) -> None:
        """Tell that a received message has been dealt with."""
        if self._link is None:
            self._memory.inbox.consumed(channel)
        else:
            self._link.consumed(channel)
            self._said.unpark_all()

    def goodbye(self, reason: str) -> None:
        """End the present connection in peace; :meth:`run` dials again unless it is cancelled."""
        if self._link is not None:
            self._link.close(CloseCode.NORMAL, reason)
            self._said.unpark_all()
            self._sooner.unpark_all()

    # --- dialling ----------------------------------------------------------------------------

    async def run(self) -> None:
        """Keep the link up until cancelled.

        Raises:
            LinkRefusedError: the gateway refused this connector for good.
        """
        failures = 0
        while True:
            self._closed, self._lived = None, False
            await self._connect_once()
            failures = 0 if self._lived else failures + 1
            await trio.sleep(self._pause(failures))

    def _pause(self, failures: int) -> float:
        closed = self._closed
        if closed is not None and closed.by_peer and closed.code in FINAL_CODES:
            raise LinkRefusedError(closed.reason)
        pause = self._backoff.pause(failures, self._random)
        if closed is not None and closed.retry_after_ms is not None:
            # The gateway's wish comes first; the jitter keeps the crowd apart even then.
            pause += min(max(closed.retry_after_ms, 0) / 1000, LONGEST_WISH)
        return pause

    async def _connect_once(self) -> None:
        try:
            with trio.fail_after(DIAL_LIMIT) as limit:
                async with open_websocket_url(
                    self._url,
                    self._tls,
                    subprotocols=[SUBPROTOCOL],
                    max_message_size=MAX_ENVELOPE,
                    disconnect_timeout=FAREWELL,
                ) as websocket:
                    limit.deadline = float("inf")
                    await self._carry(websocket)
        except (OSError, HandshakeError, ConnectionClosed, trio.TooSlowError):
            return

    async def _carry(self, websocket: WebSocketConnection) -> None:
        link = self._link = ConnectorLink(
            self._identity.uuid,
            self._capabilities,
            nonce=secrets.token_bytes(NONCE_SIZE),
            prove=self._identity.prove,
            memory=self._memory,
            now=trio.current_time(),
        )
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._write, websocket, link, nursery.cancel_scope)
                nursery.start_soon(self._keep_time, link, nursery.cancel_scope)
                await self._read(websocket, link)
        finally:
            link.lost("the connection is gone")
            self._report(link)
            self._link = None
            self._room.unpark_all()

    async def _read(self, websocket: WebSocketConnection, link: ConnectorLink) -> None:
        while link.state is not State.CLOSED:
            try:
                data = await websocket.get_message()
            except ConnectionClosed:
                link.lost("the connection broke")
            else:
                self._take(link, data)
            self._stir(link)

    def _take(self, link: ConnectorLink, data: str | bytes) -> None:
        if isinstance(data, str):
            link.close(CloseCode.PROTOCOL, "text messages are not part of this protocol")
        else:
            link.receive(data, trio.current_time())

    async def _write(
        self, websocket: WebSocketConnection, link: ConnectorLink, scope: trio.CancelScope
    ) -> None:
        """Send what is ready, sleep until more is; ends the connection with the link."""
        while True:
            try:
                while (data := link.next_outgoing()) is not None:
                    await websocket.send_message(data)
                    self._room.unpark_all()
            except ConnectionClosed:
                link.lost("the connection broke")
            if link.state is State.CLOSED:
                scope.cancel()
                return
            await self._said.park()

    async def _keep_time(self, link: ConnectorLink, scope: trio.CancelScope) -> None:
        """Handle deadlines, whether or not the writer gets anything across."""
        while (due := link.next_deadline()) is not None:
            self._due = due
            with trio.move_on_at(due):
                await self._sooner.park()
            link.handle_deadline(trio.current_time())
            self._stir(link)
        scope.deadline = trio.current_time() + FAREWELL

    def _stir(self, link: ConnectorLink) -> None:
        """Tell what happened, and wake whoever has to do with it."""
        self._report(link)
        self._said.unpark_all()
        self._room.unpark_all()
        due = link.next_deadline()
        if due is None or due < self._due:
            self._sooner.unpark_all()

    def _report(self, link: ConnectorLink) -> None:
        while (event := link.next_event()) is not None:
            if isinstance(event, Closed):
                self._closed = event
            elif isinstance(event, Live):
                self._lived = True
            self._handle(event)
