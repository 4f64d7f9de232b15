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
from trio_websocket import WebSocketRequest

from gateway.domain.errors import Unavailable
from gateway.links.connector import KnownConnector, LiveConnector
from gateway.links.pump import Pump
from gateway.links.registry import Registry
from protocols.link.events import Closed, Event, HelloReceived, Proved
from protocols.link.gateway import GatewayLink
from protocols.link.messages import SUBPROTOCOL, CloseCode, Hello
from protocols.link.state import State

PATH = "/link/v1"

#: From accept to a websocket upgrade, seconds; the link's own handshake limit follows.
UPGRADE_LIMIT = 10.0

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

    async def handle(
        self, stream: trio.abc.Stream, known: Callable[[], None] = lambda: None
    ) -> None:
        """Serve one accepted connection until it ends; runs under the guard.

        Args:
            stream: accepted already.
            known: called when the connection turns out to be a connector's.
        """
        await _Link(self, stream, known).run()


class _Link:
    """One connection on its way from stranger to connector, and after that."""

    def __init__(self, port: LinkPort, stream: trio.abc.Stream, known: Callable[[], None]) -> None:
        self._port = port
        self._is_known = known
        self._link = GatewayLink(trio.current_time())
        self._pump = Pump(stream, self._decide, self._link, self._handle, port.registry.timers)
        self._known: KnownConnector | None = None
        self._live: LiveConnector | None = None
        self._tasks: trio.Nursery | None = None
        self._upgrade = trio.CancelScope()

    async def run(self) -> None:
        """Carry the link until it is over.

        Raises:
            trio.TooSlowError: no websocket came of it in time.
        """
        self._upgrade.deadline = trio.current_time() + UPGRADE_LIMIT
        try:
            with self._upgrade:
                async with trio.open_nursery() as nursery:
                    self._tasks = nursery
                    await self._pump.run()
                    nursery.cancel_scope.cancel()
        finally:
            if self._live is not None:
                self._port.registry.offline(self._live, self._pump)
        if self._upgrade.cancelled_caught:
            raise trio.TooSlowError

    async def _decide(self, request: WebSocketRequest) -> None:
        if request.path != PATH:
            await request.reject(404, body=f"connectors dial in at {PATH}\n".encode())
        elif SUBPROTOCOL not in request.proposed_subprotocols:
            await request.reject(400, body=f"the subprotocol is {SUBPROTOCOL}\n".encode())
        else:
            await request.accept(subprotocol=SUBPROTOCOL)
            self._upgrade.deadline = float("inf")
            self._pump.opened()
            return
        await self._pump.socket.hang_up()

    def _handle(self, event: Event) -> None:
        match event:
            case HelloReceived(hello) if self._tasks is not None:
                self._tasks.start_soon(self._challenge, hello)
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
        self._is_known()
        self._link.welcome(
            live.memory,
            resumed=resumed,
            ping=port.options.ping_interval,
            window=registry.window,
            now=trio.current_time(),
        )
        registry.online(live, self._pump, hello)
        if live.tester is not None and self._tasks is not None:
            self._tasks.start_soon(live.tester.connected())
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
