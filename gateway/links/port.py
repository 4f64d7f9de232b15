"""The TCP port that connectors dial in to.

An own ``serve_tcp`` handler around ``trio_websocket.wrap_server_stream``, and not the library's
``serve_websocket``: there, one non-ASCII header from an unauthenticated peer ends the process.
Here every connection runs under the guard, so that the worst it can do is end itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

import trio
from structlog.typing import FilteringBoundLogger
from trio_websocket import WebSocketConnection, WebSocketRequest, wrap_server_stream

from gateway.domain.errors import Unavailable
from gateway.links.connector import KnownConnector, LiveConnector
from gateway.links.pump import Pump
from gateway.links.registry import Registry
from protocols.link.events import Closed, Event, HelloReceived, Proved
from protocols.link.gateway import GatewayLink
from protocols.link.messages import MAX_ENVELOPE, SUBPROTOCOL, CloseCode, Hello
from protocols.link.state import State

PATH = "/link/v1"

#: From accept to a websocket upgrade, seconds; the link's own handshake limit follows.
UPGRADE_LIMIT = 10.0

#: Bytes read at once. Most messages of a link are far below it, and each idle connection's
#: buffers count ten thousand times.
RECEIVE_SIZE = 4096

#: Returns the connector on record, or ``None`` when it is unknown or disabled; raises
#: ``Unavailable`` when that cannot be found out now.
Find = Callable[[UUID], Awaitable[KnownConnector | None]]


@dataclass(frozen=True, slots=True)
class PortOptions:
    """How links are kept.

    Attributes:
        ping_interval: seconds between pings.
        max_connectors: links at once; the next is told to come back later.
        retry_after: seconds it is asked to wait.
    """

    ping_interval: float = 5.0
    max_connectors: int = 10_000
    retry_after: float = 10.0


class LinkPort:
    """Turns accepted TCP connections into links.

    Args:
        registry: knows who is online.
        find: looks a connector up.
        nonce: returns 32 random bytes.
        options: limits and intervals.
        log: one line for each link that begins or ends.
    """

    def __init__(
        self,
        registry: Registry,
        find: Find,
        nonce: Callable[[], bytes],
        options: PortOptions,
        log: FilteringBoundLogger,
    ) -> None:
        self.registry = registry
        self.find = find
        self.nonce = nonce
        self.options = options
        self.log = log

    async def handle(self, stream: trio.abc.Stream) -> None:
        """Serve one accepted connection until it ends; runs under the guard."""
        async with trio.open_nursery() as nursery:
            with trio.fail_after(UPGRADE_LIMIT):
                request = await wrap_server_stream(
                    nursery,
                    stream,
                    max_message_size=MAX_ENVELOPE,
                    receive_buffer_size=RECEIVE_SIZE,
                )
                websocket = await _accept(request)
            if websocket is not None:
                await _Link(self, websocket).run()
            nursery.cancel_scope.cancel()


async def _accept(request: WebSocketRequest) -> WebSocketConnection | None:
    if request.path != PATH:
        await request.reject(404, body=f"connectors dial in at {PATH}\n".encode())
        return None
    if SUBPROTOCOL not in request.proposed_subprotocols:
        await request.reject(400, body=f"the subprotocol is {SUBPROTOCOL}\n".encode())
        return None
    return await request.accept(subprotocol=SUBPROTOCOL)


class _Link:
    """One connection on its way from stranger to connector, and after that."""

    def __init__(self, port: LinkPort, websocket: WebSocketConnection) -> None:
        self._port = port
        self._link = GatewayLink(trio.current_time())
        self._pump = Pump(websocket, self._link, self._handle, port.registry.timers)
        self._known: KnownConnector | None = None
        self._live: LiveConnector | None = None
        self._looking_up: trio.Nursery | None = None

    async def run(self) -> None:
        """Carry the link until it is over."""
        try:
            async with trio.open_nursery() as nursery:
                self._looking_up = nursery
                await self._pump.run()
                nursery.cancel_scope.cancel()
        finally:
            if self._live is not None:
                self._port.registry.offline(self._live, self._pump)

    def _handle(self, event: Event) -> None:
        match event:
            case HelloReceived(hello) if self._looking_up is not None:
                self._looking_up.start_soon(self._challenge, hello)
            case Proved(hello):
                self._welcome(hello)
            case Closed():
                self._log_end(event)
            case _ if self._live is not None:
                self._live.handle(event)
            case _:
                return

    async def _challenge(self, hello: Hello) -> None:
        """Look the connector up and challenge it; a stranger too, who then fails the same way."""
        try:
            uuid = UUID(hello.uuid)
        except ValueError:
            self._pump.end(CloseCode.PROTOCOL, "the hello names no UUID")
            return
        try:
            self._known = await self._port.find(uuid)
        except Unavailable:
            self._pump.end(
                CloseCode.OVERLOADED,
                "this gateway cannot look connectors up now",
                retry_after=self._port.options.retry_after,
            )
            return
        if self._link.state is not State.GREETED:
            return  # gone, or out of patience, while we looked
        keys = () if self._known is None else self._known.public_keys
        self._link.challenge(self._port.nonce(), keys)
        self._pump.stir()

    def _welcome(self, hello: Hello) -> None:
        port, registry = self._port, self._port.registry
        if self._known is None:
            raise AssertionError("a stranger's proof was accepted")
        if len(registry) >= port.options.max_connectors and not registry.find(self._known.uuid):
            self._pump.end(
                CloseCode.OVERLOADED,
                "this gateway is full",
                retry_after=port.options.retry_after,
            )
            return
        live, resumed = registry.admit(self._known, hello)
        self._live = live
        self._link.welcome(
            live.memory,
            resumed=resumed,
            ping=port.options.ping_interval,
            window=registry.window,
            now=trio.current_time(),
        )
        registry.online(live, self._pump, hello)
        port.log.info("connector online", connector=live.known.number, resumed=resumed)

    def _log_end(self, closed: Closed) -> None:
        if self._live is not None:
            self._port.log.info(
                "connector link ended",
                connector=self._live.known.number,
                code=closed.code,
                reason=closed.reason,
                by_peer=closed.by_peer,
            )
        else:
            self._port.log.warning(
                "link refused", code=closed.code, reason=closed.reason, by_peer=closed.by_peer
            )
