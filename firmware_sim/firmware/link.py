"""The connector's end of the link under Trio: dial, keep, dial again.

One task runs :meth:`LinkClient.run` for the life of the connector. Between connections whatever
was said waits in the link's memory; after a reconnection within the gateway's window it goes out
as if nothing had happened.

A link that idles costs this task and the websocket's reader, and nothing else: ten thousand of
them run in one process.
"""

from __future__ import annotations

import secrets
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import trio
from trio_websocket import ConnectionClosed, WebSocketConnection

from firmware_sim.firmware.dialling import (
    DialError,
    Dialler,
    Endpoint,
    connect,
    dial_tcp,
    upgrade,
)
from protocols.link.connection import LinkMemory, queue_message
from protocols.link.connector import ConnectorLink
from protocols.link.events import Closed, Event, Live
from protocols.link.handshake import NONCE_SIZE, sign
from protocols.link.messages import Channel, CloseCode, Message
from protocols.link.state import State
from protocols.link.vehicle import Capabilities

#: From dialling to an open websocket, seconds. A gateway whose whole fleet returns lets it wait
#: in its listen queue; who is patient there costs less than who dials again.
DIAL_LIMIT = 30.0

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

    Attributes:
        first: the span after a link that was up.
        longest: the span stops there.
        nobody_listens: ... or there, after a dial that the gateway's machine refused at once. That
            costs it next to nothing, and a gateway that restarts is back within seconds.
    """

    first: float = 0.5
    longest: float = 30.0
    nobody_listens: float = 10.0

    def pause(self, failures: int, random: Random, *, nobody_listens: bool = False) -> float:
        """Return how long to wait after this many failures in a row.

        Args:
            failures: how many.
            random: makes the jitter.
            nobody_listens: the last one was a dial that was refused at once.
        """
        longest = min(self.longest, self.nobody_listens) if nobody_listens else self.longest
        return random.uniform(0, min(longest, self.first * 2 ** min(failures, 16)))


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the connector is.

    Attributes:
        uuid: 36 characters.
        private_key: Ed25519, raw, 32 bytes; ``None`` where a TLS client certificate proves it.
    """

    uuid: str
    private_key: bytes | None

    def prove(self, data: bytes) -> bytes:
        """Sign the handshake, or leave that to the certificate."""
        return b"" if self.private_key is None else sign(self.private_key, data)


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
        dial: connects to the gateway's host and port; real TCP when left out.

    Raises:
        ValueError: the URL is none of a gateway.
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
        dial: Dialler = dial_tcp,
    ) -> None:
        self._endpoint = Endpoint.parse(url)
        self._dial = dial
        self._identity = identity
        self._capabilities = capabilities
        self._handle = handle
        self._random = random
        if tls is None and self._endpoint.secure:
            tls = ssl.create_default_context()
        self._tls = tls
        self._backoff = backoff or Backoff()
        self._memory = LinkMemory()
        self._link: ConnectorLink | None = None
        self._websocket: WebSocketConnection | None = None
        self._nursery: trio.Nursery | None = None
        self._patience = trio.CancelScope()
        self._writing = False
        self._room = trio.lowlevel.ParkingLot()  # here wait senders of frames
        self._closed: Closed | None = None
        self._lived = False
        self._nobody_listens = False
        self._ours = False  # the program is at work with an event
        #: Why the last attempt came to nothing, for people.
        self.trouble = ""

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
        self._flush()

    async def send_frames(self, batch: bytes) -> bool:
        """Send a batch of frames as soon as there is room; tell whether the link took it."""
        while (link := self._link) is not None and link.state is State.LIVE:
            if link.send_frames(batch):
                self._flush()
                return True
            await self._room.park()
        return False

    def consumed(self, channel: Channel) -> None:
        """Tell that a received message has been dealt with."""
        if self._link is None:
            self._memory.inbox.consumed(channel)
        else:
            self._link.consumed(channel)
            self._flush()

    def goodbye(self, reason: str) -> None:
        """End the present connection in peace; :meth:`run` dials again unless it is cancelled."""
        if self._link is not None:
            self._link.close(CloseCode.NORMAL, reason)
            self._flush()
            self._patience.cancel()

    # --- dialling ----------------------------------------------------------------------------

    async def run(self) -> None:
        """Keep the link up until cancelled.

        Raises:
            LinkRefusedError: the gateway refused this connector for good.
        """
        failures = 0
        while True:
            self._closed, self._lived, self._nobody_listens = None, False, False
            await self._connect_once()
            # A gateway that says when to come back is there: no reason to stay away for longer.
            asked = self._asked_to_wait()
            failures = 0 if self._lived or asked > 0 else failures + 1
            await trio.sleep(asked + self._pause(failures))

    def _pause(self, failures: int) -> float:
        closed = self._closed
        if closed is not None and closed.by_peer and closed.code in FINAL_CODES:
            raise LinkRefusedError(closed.reason)
        return self._backoff.pause(failures, self._random, nobody_listens=self._nobody_listens)

    def _asked_to_wait(self) -> float:
        """Return the seconds the gateway asked for, or 0; the jitter is added in any case."""
        if self._closed is None or self._closed.retry_after_ms is None:
            return 0.0
        return min(max(self._closed.retry_after_ms, 0) / 1000, LONGEST_WISH)

    async def _connect_once(self) -> None:
        self._ours = False
        try:
            with trio.fail_after(DIAL_LIMIT) as limit:
                stream = await connect(self._endpoint, self._dial, self._tls)
                try:
                    async with trio.open_nursery() as nursery:
                        websocket = await upgrade(nursery, stream, self._endpoint)
                        limit.deadline = float("inf")
                        await self._carry(websocket, nursery)
                        nursery.cancel_scope.cancel()
                finally:
                    await trio.aclose_forcefully(stream)
        except* Exception as failures:
            # The boundary of the connection. What a peer garbles comes out of the websocket
            # library as whatever its parser stumbled over (also a ping that meets our close), and
            # must not end a device. Only our own program's faults do.
            if self._ours:
                raise
            first = _first(failures)
            self.trouble = str(first) or type(first).__name__
            self._nobody_listens = isinstance(first, DialError) and first.nobody_listens

    async def _carry(self, websocket: WebSocketConnection, nursery: trio.Nursery) -> None:
        link = self._link = ConnectorLink(
            self._identity.uuid,
            self._capabilities,
            nonce=secrets.token_bytes(NONCE_SIZE),
            prove=self._identity.prove,
            memory=self._memory,
            now=trio.current_time(),
        )
        self._websocket, self._nursery = websocket, nursery
        try:
            self._flush()
            await self._read(websocket, link)
            await self._part(websocket)
        finally:
            link.lost("the connection is gone")
            self._report(link)
            self._link = self._websocket = self._nursery = None
            self._room.unpark_all()

    async def _part(self, websocket: WebSocketConnection) -> None:
        """Let a goodbye leave and the websocket close, each within its bound."""
        if self._closed is not None and self._closed.code == CloseCode.SILENT:
            return  # nobody hears it: the sooner we dial again, the better
        with trio.move_on_after(FAREWELL):
            while self._writing:
                await self._room.park()
        with trio.move_on_after(FAREWELL):
            await websocket.aclose()

    async def _read(self, websocket: WebSocketConnection, link: ConnectorLink) -> None:
        """Take what comes, and handle deadlines in between.

        What a link waits for becomes due sooner only through what it receives, so this one task
        is enough to keep the time, whether or not the writer gets anything across.
        """
        while (due := link.next_deadline()) is not None:
            with trio.move_on_at(due) as self._patience:
                await self._read_until_due(websocket, link)
            if self._patience.cancelled_caught:
                link.handle_deadline(trio.current_time())
                self._stir(link)

    async def _read_until_due(self, websocket: WebSocketConnection, link: ConnectorLink) -> None:
        patience = self._patience
        while link.state is not State.CLOSED:
            try:
                data = await websocket.get_message()
            except ConnectionClosed:
                link.lost("the connection broke")
            else:
                self._take(link, data)
            self._stir(link)
            due = link.next_deadline()
            # One that moved later is found out when the time comes.
            if due is not None and due < patience.deadline:
                patience.deadline = due

    def _take(self, link: ConnectorLink, data: str | bytes) -> None:
        if isinstance(data, str):
            link.close(CloseCode.PROTOCOL, "text messages are not part of this protocol")
        else:
            link.receive(data, trio.current_time())

    def _flush(self) -> None:
        """Send what is ready, in a task that ends when nothing is: idle links have no writer."""
        if self._nursery is None or self._link is None or self._writing:
            return
        if (data := self._link.next_outgoing()) is not None:
            self._writing = True
            self._nursery.start_soon(self._write, self._link, data)

    async def _write(self, link: ConnectorLink, data: bytes | None) -> None:
        try:
            while data is not None and self._websocket is not None:
                await self._websocket.send_message(data)
                self._room.unpark_all()
                data = link.next_outgoing()
        except ConnectionClosed:
            link.lost("the connection broke")
            self._patience.cancel()
        finally:
            self._writing = False
            self._room.unpark_all()

    def _stir(self, link: ConnectorLink) -> None:
        """Tell what happened, send what follows from it, wake who waits for room."""
        self._report(link)
        self._flush()
        self._room.unpark_all()

    def _report(self, link: ConnectorLink) -> None:
        while (event := link.next_event()) is not None:
            if isinstance(event, Closed):
                self._closed = event
            elif isinstance(event, Live):
                self._lived = True
            self._ours = True
            self._handle(event)
            self._ours = False


def _first(group: BaseExceptionGroup[Exception]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
