"""The DoIP door: a session's vehicle as a DoIP entity (ISO 13400-2).

    TCP  ->  protocols.doip.Entity     ->  diagnosis  ->  the session
    UDP  ->  protocols.doip.Discovery

Routing activation needs the door's key in the 32-bit OEM field (else code 04), or comes from an
address that was named as trusted. A session without the lease lets testers wait: they hear code 11
and, once the lease is free, 10; after ``lease_wait`` 05. Who is refused and what is closed is the
standard's business, and the machine's.
"""

from __future__ import annotations

import hashlib
import math
import secrets
from dataclasses import replace
from hmac import compare_digest

import trio

from gateway.domain.errors import GatewayError
from gateway.doors.addresses import AddressTable
from gateway.doors.diagnosis import Diagnosis
from gateway.doors.outgoing import Outgoing
from gateway.doors.place import Kind, Place
from gateway.doors.visitors import Visitors
from gateway.runtime.guard import address_of, guard
from protocols.diagnosis.speech import MAX_PAYLOAD
from protocols.doip.discovery import Discovery, PowerMode
from protocols.doip.entity import Entity
from protocols.doip.events import (
    CloseReason,
    ConfirmationWanted,
    ConnectionEnding,
    DiagnosticRequest,
    EntityEvent,
    RoutingActivated,
)
from protocols.doip.settings import EntitySettings

#: Logical address of the door itself.
ENTITY = 0x0001

#: Largest message taken, bytes; a diagnostic one may have fewer (NACK 04).
MAX_DATA_SIZE = 1 << 17

#: Taken from a socket at a time, bytes; and how many requests can be in that: header, two
#: addresses, one byte each. They are decided at once, so it is the door's own bound that counts.
_CHUNK = 4096
_MAX_UNDECIDED = _CHUNK // 13 + 1

#: Seconds for the first byte and the TLS handshake: T_TCP_Initial_Inactivity.
_HANDSHAKE = 2.0

#: How often a tester that waits for the lease looks whether it is free, seconds.
_LEASE_INTERVAL = 0.25

#: TLS records of a handshake begin so; no DoIP header does.
_TLS_HANDSHAKE = 0x16

#: A vehicle without a readable number (table 5).
_NO_VIN = "\0" * 17


class DoipDoor:
    """One door; :meth:`serve` is its life."""

    kind: Kind = "doip"

    def __init__(self, place: Place) -> None:
        self.place = place
        self.table = AddressTable(place.sessions.connector(place.session).capabilities)
        self._key = secrets.randbelow(0xFFFFFFFF) + 1  # doipclient takes no 0
        self._entity = Entity(self._settings())
        self._connections: dict[int, Outgoing] = {}
        self._visitors = Visitors(place.session, self.kind)
        self._reasons: dict[int, CloseReason] = {}
        self._asking = ""
        self._changed = trio.Event()
        self._sleeping_until = math.inf
        self._nursery: trio.Nursery | None = None
        self._diagnosis: Diagnosis | None = None

    def secrets(self) -> dict[str, object]:
        return {"key": self._key, "ecus": [ecu.to_json() for ecu in self.table.ecus]}

    def _settings(self) -> EntitySettings:
        place = self.place
        mark = hashlib.sha256(place.session.connector.bytes).digest()
        return EntitySettings(
            logical_address=ENTITY,
            vin=self._vin(),
            # Locally administered (IEEE 802): the connector's own, and no maker's.
            eid=bytes((mark[0] & 0xFC | 0x02, *mark[1:6])),
            targets=self.table.addresses,
            confirmation=self._lacks_lease,
            authentication=self._knows_key,
            require_tls=place.tls is not None,
            max_sockets=place.settings.connections,
            max_data_size=MAX_DATA_SIZE,
            max_request=min(place.sessions.limits.max_request_bytes, MAX_PAYLOAD),
            max_undecided=_MAX_UNDECIDED,
        )

    # --- life --------------------------------------------------------------------------------

    async def serve(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        place = self.place
        handler = guard(self._handle, name="doip", log=place.log, counter=place.failures)
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            self._diagnosis = Diagnosis(place, self.table, nursery, self._respond)
            nursery.start_soon(self._diagnosis.keep_waiting)
            nursery.start_soon(self._keep_time)
            if place.ports.udp is not None:
                nursery.start_soon(self._answer_datagrams, place.ports.udp)
            task_status.started()
            await trio.serve_listeners(handler, [place.ports.listener])

    async def _handle(self, stream: trio.SocketStream) -> None:
        """Serve one socket; nothing it does reaches the others."""
        counts, address = self.place.counts, address_of(stream)
        if not self.place.strangers.may_try(address, trio.current_time()):
            counts.turned_away += 1
            return
        counts.connections += 1
        try:
            # As many as find a place, that in reserve, and some that are about to be sent away.
            if counts.connections <= 2 * self.place.settings.connections + 2:
                await self._admit(stream, address)
            else:
                counts.turned_away += 1
        finally:
            counts.connections -= 1

    async def _admit(self, stream: trio.SocketStream, address: str) -> None:
        with trio.fail_after(_HANDSHAKE):
            secured = await self._secure(stream)
        secure = isinstance(secured, trio.SSLStream)
        number = self._entity.connected(trio.current_time(), secure=secure)
        if number is None:
            self.place.counts.turned_away += 1
            return
        self.place.counts.accepted += 1
        way_out = self._connections[number] = Outgoing(self.place.settings.send_timeout, address)
        why = "cut off"
        try:
            with way_out.scope:
                await self._carry(number, way_out, secured, address)
            why = "does not read" if way_out.is_slow else "hung up"
        finally:
            self.place.counts.slow += way_out.is_slow
            ended = self._reasons.pop(number, None)
            self._visitors.left(number, why if ended is None else ended.value)
            del self._connections[number]
            self._entity.disconnected(number, trio.current_time())
            self._turn()

    async def _secure(
        self, stream: trio.SocketStream
    ) -> trio.SocketStream | trio.SSLStream[trio.SocketStream]:
        """Begin TLS where the client does; who does not is told so by code 07."""
        if self.place.tls is None:
            return stream
        first = await stream.socket.recv(1, trio.socket.MSG_PEEK)
        if first != bytes((_TLS_HANDSHAKE,)):
            return stream
        secured = trio.SSLStream(stream, self.place.tls, server_side=True, https_compatible=True)
        await secured.do_handshake()
        return secured

    async def _carry(
        self, number: int, way_out: Outgoing, stream: trio.abc.Stream, address: str
    ) -> None:
        self._turn()
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(way_out.drain, stream)
                while data := await stream.receive_some(_CHUNK):
                    self._asking = address
                    self._entity.receive(number, bytes(data), trio.current_time())
                    self._turn()
                nursery.cancel_scope.cancel()
        except* trio.BrokenResourceError:
            self.place.log.debug("a tester hung up", peer=address)

    # --- the machine -------------------------------------------------------------------------

    def _turn(self) -> None:
        """Carry out what the machine decided, and look at its deadlines anew."""
        self._flush()
        while (event := self._entity.next_event()) is not None:
            self._act(event)
            self._flush()
        deadline = self._entity.next_deadline()
        if deadline is not None and deadline < self._sleeping_until:
            self._changed.set()

    def _flush(self) -> None:
        for number, data in self._entity.data_to_send():
            way_out = self._connections.get(number)
            if way_out is not None:
                way_out.put(data)

    def _act(self, event: EntityEvent) -> None:
        match event:
            case DiagnosticRequest():
                self._diagnose(event)
            case ConnectionEnding(number, reason):
                self.place.log.debug("a tester's socket ends", reason=reason.value)
                if number in self._connections:
                    self._reasons[number] = reason
                    self._connections[number].end()
            case ConfirmationWanted(number):
                if self._nursery is not None:
                    self._nursery.start_soon(self._wait_for_lease, number)
            case RoutingActivated(number, source):
                self.place.log.debug("routing activated", tester=source)
                if number in self._connections:
                    peer = self._connections[number].peer
                    self._visitors.came(number, peer=peer, tester=f"{source:04X}")

    def _diagnose(self, request: DiagnosticRequest) -> None:
        now = trio.current_time()
        if self._diagnosis is None:
            return
        code = self._diagnosis.start(request)
        if code is None:
            self._entity.accept(request, now)
        else:
            self._entity.refuse(request, code, now)

    def _respond(self, request: DiagnosticRequest, source: int, payload: bytes) -> None:
        now = trio.current_time()
        if self._entity.respond(request.connection, source, request.source, payload, now):
            self._flush()

    async def _keep_time(self) -> None:
        while True:
            self._changed = trio.Event()
            deadline = self._entity.next_deadline()
            self._sleeping_until = math.inf if deadline is None else deadline
            with trio.move_on_at(self._sleeping_until):
                await self._changed.wait()
                continue
            self._entity.handle_deadline(trio.current_time())
            self._turn()

    # --- who may -----------------------------------------------------------------------------

    def _knows_key(self, oem: bytes) -> bool:
        """Judge the OEM field of the socket that is being heard."""
        if compare_digest(oem, self._key.to_bytes(4, "big")):
            return True
        if self._asking in self.place.trusted:
            return True
        self.place.strangers.tried(self._asking, trio.current_time())
        self.place.log.warning("a wrong key at a door", door="doip", peer=self._asking)
        return False

    def _lacks_lease(self) -> bool:
        try:
            self.place.sessions.acquire_lease(self.place.session)
        except GatewayError:
            return True
        return False

    async def _wait_for_lease(self, number: int) -> None:
        """Let a tester wait until the vehicle is free, within the bound."""
        agreed = False
        with trio.move_on_after(self.place.settings.lease_wait):
            while self._lacks_lease():  # noqa: ASYNC110 - leases tell nobody when they end
                await trio.sleep(_LEASE_INTERVAL)
            agreed = True
        if number in self._connections:
            self._entity.confirm(number, trio.current_time(), agreed=agreed)
            self._turn()

    # --- identification ----------------------------------------------------------------------

    async def _answer_datagrams(self, udp: trio.socket.SocketType) -> None:
        while True:
            try:
                data, sender = await udp.recvfrom(_CHUNK)
                answer = self._discovery().receive(data)
                if answer is not None:
                    await udp.sendto(answer, sender)
            except OSError as error:  # of one datagram: its sender is gone
                self.place.log.debug("a datagram went nowhere", reason=str(error))

    def _discovery(self) -> Discovery:
        """Return what answers now; the vehicle's number may have been read meanwhile."""
        settings = replace(self._entity.settings, vin=self._vin())
        discovery = Discovery(settings, open_sockets=lambda: self._entity.open_sockets)
        discovery.power_mode = self._power_mode()
        return discovery

    def _vin(self) -> str:
        try:
            vin = self.place.sessions.connector(self.place.session).status.vin or ""
        except GatewayError:
            vin = ""
        return vin if len(vin) == 17 and vin.isascii() else _NO_VIN

    def _power_mode(self) -> PowerMode:
        """Tell whether the vehicle can be diagnosed: terminal 15, where the connector knows."""
        try:
            live = self.place.sessions.connector(self.place.session)
        except GatewayError:
            return PowerMode.NotReady
        if not live.connected or live.status.ignition is False:
            return PowerMode.NotReady
        return PowerMode.Ready if live.status.ignition else PowerMode.NotSupported
