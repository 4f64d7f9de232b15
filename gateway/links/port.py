"""The TCP port that connectors dial in to.

An own ``serve_tcp`` handler around ``trio_websocket.wrap_server_stream``, and not the library's
``serve_websocket``: there, one non-ASCII header from an unauthenticated peer ends the process.
Here every connection runs under the guard, so that the worst it can do is end itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Self
from uuid import UUID

import trio
from structlog.typing import FilteringBoundLogger
from trio_websocket import WebSocketRequest

from gateway.config import LinkSettings
from gateway.domain.connector import KnownConnector
from gateway.domain.errors import Unavailable
from gateway.links import counters
from gateway.links.admission import Admission, AdmissionLimits, Verdict, Visit
from gateway.links.certificates import named_uuids
from gateway.links.connector import LiveConnector
from gateway.links.counters import LinkCounters
from gateway.links.flapping import Flapping, FlappingLimits
from gateway.links.pump import Pump
from gateway.links.registry import Registry
from gateway.runtime.guard import address_of
from protocols.link.events import Closed, Event, HelloReceived, Proved
from protocols.link.gateway import GatewayLink
from protocols.link.messages import SUBPROTOCOL, CloseCode, Hello
from protocols.link.state import State

PATH = "/link/v1"

#: From accept to a websocket, TLS included, seconds, before the connection counts as a waste of
#: time; the link's own handshake limit follows.
UPGRADE_LIMIT = 10.0

#: Seconds, give or take a half, until a connector dials in again that a node turns away which is
#: about to end: the next dial-in may reach another.
MOVE_PAUSE = 1.0

_FLAPS = "this connector begins anew too often"

#: Returns the connector on record, or ``None`` when it is unknown or disabled; raises
#: ``Unavailable`` when that cannot be found out now.
Find = Callable[[UUID], Awaitable[KnownConnector | None]]


@dataclass(frozen=True, slots=True)
class PortOptions:
    """How links are kept.

    Attributes:
        ping_interval: seconds between pings while a session is open.
        idle_ping_interval: seconds between pings otherwise; the same when left out.
        max_connectors: links at once; the next is told to come back later.
        retry_after: seconds it is asked to wait, give or take a half.
        admission: how many may come in at once.
        flapping: when a connector gets a pause.
    """

    ping_interval: float = 5.0
    idle_ping_interval: float | None = None
    max_connectors: int = 10_000
    retry_after: float = 10.0
    admission: AdmissionLimits = field(default_factory=AdmissionLimits)
    flapping: FlappingLimits = field(default_factory=FlappingLimits)

    @classmethod
    def of(cls, chosen: LinkSettings) -> Self:
        """Return what the configuration asks for."""
        return cls(
            ping_interval=chosen.ping_interval,
            idle_ping_interval=chosen.idle_ping_interval,
            max_connectors=chosen.max_connectors,
            retry_after=chosen.retry_after,
            admission=AdmissionLimits(
                chosen.max_handshakes,
                chosen.accept_rate,
                None if chosen.tls_elsewhere else chosen.handshakes_per_address,
            ),
            flapping=FlappingLimits(chosen.flap_limit, chosen.flap_window),
        )


class LinkPort:
    """Turns accepted TCP connections into links.

    Args:
        registry: knows who is online.
        find: looks a connector up.
        nonce: returns 32 random bytes.
        options: limits and intervals.
        log: one line for each link that begins or ends.
        jitter: returns a random number from 0 to 1, which keeps crowds apart.
    """

    def __init__(
        self,
        registry: Registry,
        find: Find,
        nonce: Callable[[], bytes],
        options: PortOptions,
        log: FilteringBoundLogger,
        jitter: Callable[[], float],
    ) -> None:
        self.registry = registry
        self.find = find
        self.nonce = nonce
        self.options = options
        self.log = log
        self.admission = Admission(options.admission, jitter, trio.current_time())
        self.flapping = Flapping(options.flapping)
        self._strangers: set[trio.CancelScope] = set()

    @property
    def counters(self) -> LinkCounters:
        """What came of connections."""
        return self.registry.counters

    async def handle(self, stream: trio.abc.Stream) -> None:
        """Serve one accepted connection until it ends; runs under the guard, which closes it.

        Args:
            stream: accepted already; its TLS handshake, if any, is still to come.

        Raises:
            trio.TooSlowError: no websocket came of it in time.
        """
        visit = self.admission.arrive(trio.current_time(), address_of(stream))
        try:
            if visit.verdict is Verdict.CLOSED:
                self.counters.refused[counters.UNHEARD] += 1
                return
            await self._serve(stream, visit)
        finally:
            visit.over()

    async def _serve(self, stream: trio.abc.Stream, visit: Visit) -> None:
        # One scope for all: each has four sets, and ten thousand links have one each.
        with trio.CancelScope(deadline=visit.began + UPGRADE_LIMIT) as scope:
            self._strangers.add(scope)
            try:
                named = await self._secure(stream)
                await _Link(self, stream, visit, scope, named).run()
            finally:
                self.recognise(scope)
        if scope.cancelled_caught and scope.deadline <= trio.current_time():
            raise trio.TooSlowError

    def recognise(self, scope: trio.CancelScope) -> None:
        """Whoever runs in this scope is no stranger any more."""
        self._strangers.discard(scope)

    def turn_strangers_out(self) -> None:
        """End every connection that has not proved anything yet."""
        for scope in tuple(self._strangers):
            scope.cancel()

    async def _secure(self, stream: trio.abc.Stream) -> frozenset[UUID] | None:
        """Shake hands where there is TLS; return whom a client certificate names, if one came."""
        if not isinstance(stream, trio.SSLStream):
            return None
        is_secure = False
        try:
            await stream.do_handshake()
            is_secure = True
        finally:
            if not is_secure:
                self.counters.refused[counters.NO_TLS] += 1
        certificate = stream.getpeercert()
        return None if certificate is None else named_uuids(certificate)


class _Link:
    """One connection on its way from stranger to connector, and after that.

    Args:
        port: it came in here.
        stream: as accepted, with TLS where there is any.
        visit: over as soon as it is a link.
        scope: it runs in; until there is a websocket, with a deadline.
        named: whom its client certificate names; ``None`` when it showed none.
    """

    def __init__(
        self,
        port: LinkPort,
        stream: trio.abc.Stream,
        visit: Visit,
        scope: trio.CancelScope,
        named: frozenset[UUID] | None,
    ) -> None:
        self._port = port
        self._visit = visit
        self._scope = scope
        self._named = named
        self._turned_away = ""
        self._link = GatewayLink(trio.current_time(), port.counters.traffic)
        self._pump = Pump(stream, self._decide, self._link, self._handle, port.registry.timers)
        self._known: KnownConnector | None = None
        self._looked_up_at = 0.0
        self._live: LiveConnector | None = None

    async def run(self) -> None:
        """Carry the link until it is over."""
        try:
            await self._pump.run()
        finally:
            if self._live is not None:
                self._port.registry.offline(self._live, self._pump)
            elif self._scope.deadline < float("inf"):
                self._port.counters.refused[counters.NO_WEBSOCKET] += 1

    async def _decide(self, request: WebSocketRequest) -> None:
        if request.path != PATH:
            await request.reject(404, body=f"connectors dial in at {PATH}\n".encode())
        elif SUBPROTOCOL not in request.proposed_subprotocols:
            await request.reject(400, body=f"the subprotocol is {SUBPROTOCOL}\n".encode())
        else:
            await request.accept(subprotocol=SUBPROTOCOL)
            self._scope.deadline = float("inf")
            self._pump.opened()
            if self._visit.verdict is Verdict.COME_BACK:
                pause = self._port.admission.pause(trio.current_time())
                self._turn_away(counters.CROWD, "too many connectors dial in at once", pause)
            return
        await self._pump.socket.hang_up()

    def _handle(self, event: Event) -> None:
        match event:
            case HelloReceived(hello):
                self._pump.start_soon(partial(self._challenge, hello))
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
        port = self._port
        barred = port.flapping.pause(uuid, trio.current_time())
        if barred:
            self._turn_away(counters.DAMPED, _FLAPS, barred)
            return
        self._looked_up_at = trio.current_time()
        try:
            self._known = await port.find(uuid)
        except Unavailable:
            pause = port.admission.spread(port.options.retry_after)
            self._turn_away("", "this gateway cannot look connectors up now", pause)
            return
        if self._link.state is not State.GREETED:
            return  # gone, or out of patience, while we looked
        self._link.challenge(port.nonce(), self._good_keys(uuid))
        self._pump.stir()

    def _good_keys(self, uuid: UUID) -> tuple[bytes, ...] | None:
        """Return the keys that may sign; none at all for whoever is not to get in.

        ``None`` where a client certificate has proved it. One that names somebody else is held
        against its bearer: a device that has one must not come as another.
        """
        if self._known is None:
            return ()
        if self._named is None:
            return self._known.public_keys
        return None if uuid in self._named else ()

    def _turn_away(self, why: str, reason: str, pause: float) -> None:
        self._turned_away = why
        self._pump.end(CloseCode.OVERLOADED, reason, retry_after=pause)

    def _is_welcome(self, known: KnownConnector, hello: Hello) -> bool:
        """Turn away who was disabled meanwhile, has no room, or begins anew too often."""
        port, registry = self._port, self._port.registry
        if registry.sent_away_since(known.uuid, self._looked_up_at):
            self._pump.end(CloseCode.DISABLED, "this connector has been disabled")
            return False
        if len(registry) >= port.options.max_connectors and not registry.find(known.uuid):
            pause = port.admission.spread(port.options.retry_after)
            self._turn_away(counters.FULL, "this gateway is full", pause)
            return False
        if not registry.can_resume(known.uuid, hello):
            if registry.leaving:
                pause = port.admission.spread(MOVE_PAUSE)
                self._turn_away("", "this node of the gateway ends: dial in again", pause)
                return False
            barred = port.flapping.begin(known.uuid, trio.current_time())
            if barred:
                self._turn_away(counters.DAMPED, _FLAPS, barred)
                return False
        return True

    def _welcome(self, hello: Hello) -> None:
        port, registry, known = self._port, self._port.registry, self._known
        if known is None:
            raise AssertionError("a stranger's proof was accepted")
        if not self._is_welcome(known, hello):
            return
        live, resumed = registry.admit(known, hello)
        self._live = live
        self._visit.over()
        port.recognise(self._scope)
        port.counters.links["resumed" if resumed else "new"] += 1
        self._link.welcome(
            live.memory,
            resumed=resumed,
            ping=port.options.ping_interval,
            idle_ping=port.options.idle_ping_interval,
            window=registry.window,
            now=trio.current_time(),
        )
        registry.online(live, self._pump, hello)
        if live.tester is not None:
            self._pump.start_soon(live.tester.connected())
        port.log.info("connector online", connector=live.known.number, resumed=resumed)

    def _log_end(self, closed: Closed) -> None:
        port, word = self._port, counters.code_word(closed.code)
        if self._live is not None:
            port.counters.ended[word] += 1
            port.log.info(
                "connector link ended",
                connector=self._live.known.number,
                code=closed.code,
                reason=closed.reason,
                by_peer=closed.by_peer,
            )
            return
        port.counters.refused[self._turned_away or word] += 1
        # Of a crowd there are too many for a line each; the counter has them.
        log = port.log.debug if self._turned_away == counters.CROWD else port.log.warning
        log("link refused", code=closed.code, reason=closed.reason, by_peer=closed.by_peer)
