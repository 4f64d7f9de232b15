"""The vehicle's DoIP entity on real sockets: TCP for diagnostics, UDP for who looks for it.

    TCP sockets  ->  protocols.doip.Entity     ->  ECUs (one task each)
    UDP socket   ->  protocols.doip.Discovery

Each accepted socket runs under a guard of its own: whatever goes wrong with it closes it and
nothing else. A client that does not read loses its socket once `MAX_OUTGOING` bytes wait for it.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

import trio

from firmware_sim.vehicle.doip_ecu import Application, DoipEcu
from protocols.doip.discovery import Discovery, PowerMode
from protocols.doip.entity import DiagnosticNack, Entity
from protocols.doip.events import (
    ConfirmationWanted,
    ConnectionEnding,
    DiagnosticRequest,
    EntityEvent,
)
from protocols.doip.settings import EntitySettings

log = logging.getLogger(__name__)

#: Functional group of all ECUs; first of the addresses makers may define (ISO 13400-2 table 13).
ALL_ECUS = 0xE400

#: Bytes that may wait for a slow client: a few of the longest answers.
MAX_OUTGOING = 1 << 18

#: Taken from a socket at a time, bytes.
_CHUNK = 4096

#: Requests in one chunk: header, two addresses, one byte each. They are decided at once, so it is
#: the queue of each ECU that says when too many wait, not the socket.
_MAX_UNDECIDED = _CHUNK // 13 + 1

#: How long a socket that ends may take to fetch its last words, seconds.
_LINGER = 1.0


@dataclass(frozen=True, slots=True)
class DoipAddress:
    """Where an entity listens."""

    host: str
    tcp_port: int
    udp_port: int


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What somebody in the vehicle says to testers who need to be agreed to, and how soon."""

    agreed: bool = True
    after: float = 0.0


@dataclass(frozen=True, slots=True)
class DoipStatistics:
    """What happened at the sockets so far.

    Attributes:
        open: sockets now.
        accepted: sockets taken in.
        turned_away: sockets that found no place, not even the one in reserve.
        failed: sockets that an unexpected error closed.
        slow: sockets closed because their client did not read.
    """

    open: int
    accepted: int
    turned_away: int
    failed: int
    slow: int


class _Link:
    """One socket's way out."""

    def __init__(self) -> None:
        self.scope = trio.CancelScope()
        self.ending = False
        self._outgoing = bytearray()
        self._wake = trio.Event()

    def put(self, data: bytes) -> bool:
        """Queue bytes; return ``False`` when the client is too slow."""
        self._outgoing += data
        self._wake.set()
        return len(self._outgoing) <= MAX_OUTGOING

    def end(self) -> None:
        """Let the writer finish, and the client fetch what it wrote, within a moment."""
        self.ending = True
        self.scope.deadline = trio.current_time() + _LINGER
        self._wake.set()

    async def drain(self, stream: trio.SocketStream) -> None:
        """Write until the socket ends. Closing at once could cost the client its last words."""
        while self._outgoing or not self.ending:
            await self._wake.wait()
            self._wake = trio.Event()
            data = bytes(self._outgoing)
            self._outgoing.clear()
            if data:
                await stream.send_all(data)
        await stream.send_eof()


class DoipEntity:
    """One entity, its sockets and the ECUs behind it.

    Args:
        settings: what the entity is; targets come from ``ecus``, bounds from this driver.
        ecus: applications by logical address. The functional address reaches all of them.
        power_mode: what it says to who asks whether the vehicle can be diagnosed.
        confirmation: how activations are decided that need one.
    """

    def __init__(
        self,
        settings: EntitySettings,
        ecus: Mapping[int, Application],
        *,
        power_mode: PowerMode = PowerMode.Ready,
        confirmation: Confirmation | None = None,
    ) -> None:
        targets = frozenset(ecus) | {ALL_ECUS}
        self._entity = Entity(replace(settings, targets=targets, max_undecided=_MAX_UNDECIDED))
        self._discovery = Discovery(
            self._entity.settings, open_sockets=lambda: self._entity.open_sockets
        )
        self._discovery.power_mode = power_mode
        self._confirmation = confirmation or Confirmation()
        #: Sockets whose activation waits for somebody, with the time of the decision, in order.
        self._unconfirmed: dict[int, float] = {}
        self._ecus = {
            address: DoipEcu(address, application, self._respond)
            for address, application in ecus.items()
        }
        self._links: dict[int, _Link] = {}
        self._changed = trio.Event()
        self._accepted = self._turned_away = self._failed = self._slow = 0

    def statistics(self) -> DoipStatistics:
        return DoipStatistics(
            open=self._entity.open_sockets,
            accepted=self._accepted,
            turned_away=self._turned_away,
            failed=self._failed,
            slow=self._slow,
        )

    async def serve(
        self,
        *,
        host: str = "127.0.0.1",
        tcp_port: int = 0,
        udp_port: int = 0,
        announce_to: tuple[str, int] | None = None,
        task_status: trio.TaskStatus[DoipAddress] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Serve until cancelled; report the addresses once both sockets listen.

        Args:
            host: address to listen on.
            tcp_port: 0 for any free one; 13400 is the standard's.
            udp_port: likewise.
            announce_to: where the vehicle announces itself, a broadcast address by the standard.
            task_status: told the addresses.

        Raises:
            OSError: a port is taken.
        """
        with trio.socket.socket(trio.socket.AF_INET, trio.socket.SOCK_DGRAM) as udp:
            udp.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_BROADCAST, 1)
            await udp.bind((host, udp_port))
            listeners = await trio.open_tcp_listeners(tcp_port, host=host)
            bound = listeners[0].socket.getsockname()
            async with trio.open_nursery() as nursery:
                await nursery.start(partial(trio.serve_listeners, self._serve_socket, listeners))
                for ecu in self._ecus.values():
                    nursery.start_soon(ecu.run)
                nursery.start_soon(self._answer_datagrams, udp)
                nursery.start_soon(self._keep_time, udp, announce_to)
                task_status.started(DoipAddress(host, bound[1], udp.getsockname()[1]))

    async def _serve_socket(self, stream: trio.SocketStream) -> None:
        """Serve one socket; nothing it does reaches the others."""
        number = self._entity.connected(trio.current_time())
        if number is None:
            self._turned_away += 1
            await trio.aclose_forcefully(stream)
            return
        self._accepted += 1
        link = self._links[number] = _Link()
        try:
            with link.scope:
                await self._carry(number, link, stream)
        except Exception:  # the connection's boundary
            self._failed += 1
            log.exception("DoIP socket %d failed", number)
        finally:
            self._forget(number)
            await trio.aclose_forcefully(stream)

    async def _carry(self, number: int, link: _Link, stream: trio.SocketStream) -> None:
        self._turn()
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(link.drain, stream)
                while data := await stream.receive_some(_CHUNK):
                    self._entity.receive(number, data, trio.current_time())
                    self._turn()
                nursery.cancel_scope.cancel()
        except* trio.BrokenResourceError:
            log.debug("DoIP socket %d broke", number)

    def _forget(self, number: int) -> None:
        del self._links[number]
        self._unconfirmed.pop(number, None)
        self._entity.disconnected(number, trio.current_time())
        self._turn()

    def _turn(self) -> None:
        """Carry out what the machine decided, and look at its deadlines anew."""
        self._act()
        self._changed.set()

    def _act(self) -> None:
        self._flush()
        while (event := self._entity.next_event()) is not None:
            self._handle(event)
            self._flush()

    def _flush(self) -> None:
        for number, data in self._entity.data_to_send():
            link = self._links[number]
            if not link.put(data):
                self._slow += 1
                link.scope.cancel()

    def _handle(self, event: EntityEvent) -> None:
        match event:
            case DiagnosticRequest():
                self._route(event)
            case ConnectionEnding(number, reason):
                log.debug("DoIP socket %d ends: %s", number, reason.value)
                self._unconfirmed.pop(number, None)
                self._links[number].end()
            case ConfirmationWanted(number):
                self._unconfirmed[number] = trio.current_time() + self._confirmation.after
            case _:
                log.debug("DoIP: %s", event)

    def _route(self, request: DiagnosticRequest) -> None:
        """Hand a request to its ECU, or to all; acknowledge it once one has it."""
        if request.target == ALL_ECUS:
            offered = [ecu.offer(request) for ecu in self._ecus.values()]
        else:
            offered = [self._ecus[request.target].offer(request)]
        now = trio.current_time()
        if any(offered):
            self._entity.accept(request, now)
        else:
            self._entity.refuse(request, DiagnosticNack.OutOfMemory, now)

    def _respond(self, request: DiagnosticRequest, source: int, payload: bytes) -> None:
        now = trio.current_time()
        if not self._entity.respond(request.connection, source, request.source, payload, now):
            log.debug("answer of ECU %04X came after its socket went", source)
        self._turn()

    async def _keep_time(
        self, udp: trio.socket.SocketType, announce_to: tuple[str, int] | None
    ) -> None:
        if announce_to is not None:
            self._discovery.start_announcing(trio.current_time())
        while True:
            with trio.move_on_at(self._next_deadline()):
                await self._changed.wait()
            self._changed = trio.Event()
            now = trio.current_time()
            self._entity.handle_deadline(now)
            self._confirm(now)
            self._act()
            announcement = self._discovery.handle_deadline(now)
            if announcement is not None and announce_to is not None:
                await _send_datagram(udp, announcement, announce_to)

    def _confirm(self, now: float) -> None:
        """Decide the activations whose time has come."""
        for number in [number for number, at in self._unconfirmed.items() if at <= now]:
            del self._unconfirmed[number]
            self._entity.confirm(number, now, agreed=self._confirmation.agreed)

    def _next_deadline(self) -> float:
        own = (self._entity.next_deadline(), self._discovery.next_deadline())
        deadlines = [*own, *self._unconfirmed.values()]
        return min((each for each in deadlines if each is not None), default=math.inf)

    async def _answer_datagrams(self, udp: trio.socket.SocketType) -> None:
        while True:
            datagram, sender = await udp.recvfrom(_CHUNK)
            answer = self._discovery.receive(datagram)
            if answer is not None:
                await _send_datagram(udp, answer, sender)


async def _send_datagram(
    udp: trio.socket.SocketType, datagram: bytes, receiver: tuple[str, int]
) -> None:
    try:
        await udp.sendto(datagram, receiver)
    except OSError as error:
        # A receiver that cannot be reached is its own trouble, not this entity's.
        log.debug("no datagram to %s: %s", receiver, error)
