"""Opens and closes doors; each lives no longer than its session, its use, or this service."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial

import trio

from gateway.config import DoorSettings
from gateway.domain.clock import Clock
from gateway.domain.errors import Conflict, Invalid, NotFound, Throttled, Unavailable
from gateway.doors.doip import DoipDoor
from gateway.doors.place import Door, Kind, Place
from gateway.doors.ports import Ports, open_ports
from gateway.doors.socketcand import SocketcandDoor
from gateway.doors.strangers import Strangers
from gateway.doors.visitors import NEWS
from gateway.runtime.guard import failure_counter
from gateway.runtime.logs import Log
from gateway.runtime.metrics import Metrics
from gateway.sessions.service import SessionService
from gateway.sessions.session import EndReason, Session, SessionState

#: How often a door looks whether anybody uses it, as a share of the time it may be idle.
_LOOKS = 4

_KINDS: dict[Kind, Callable[[Place], Door]] = {"doip": DoipDoor, "socketcand": SocketcandDoor}


@dataclass(frozen=True, slots=True)
class OpenDoor:
    """A door that is open.

    Attributes:
        door: itself.
        scope: ends it.
        ended: it is closed, and its port free.
    """

    door: Door
    scope: trio.CancelScope
    ended: trio.Event

    def describe(self) -> dict[str, object]:
        """Return what the operator API lists; nothing that opens the door."""
        place = self.door.place
        return {
            "kind": self.door.kind,
            "host": place.settings.public_host or place.settings.host,
            "port": place.ports.port,
            "tls": place.tls is not None,
            "trusted": sorted(place.trusted),
            "statistics": asdict(place.counts),
        }


class DoorService:
    """The service ``doors``; owns every door.

    Args:
        sessions: whose vehicles doors lead to.
        settings: bounds, addresses, certificate.
        clock: wall clock.
        log: one line for each door, and for each connection that fails.
        metrics: counts them.

    Raises:
        OSError: the certificate cannot be read.
        ssl.SSLError: certificate and key do not belong together.
    """

    def __init__(
        self,
        sessions: SessionService,
        settings: DoorSettings,
        clock: Clock,
        log: Log,
        metrics: Metrics,
    ) -> None:
        self._sessions = sessions
        self._settings = settings
        self._clock = clock
        self._log = log
        self._failures = failure_counter(metrics)
        self._strangers = Strangers(settings.wrong_keys)
        self._tls = _context(settings)
        self._doors: dict[tuple[str, Kind], OpenDoor] = {}
        self._opening: set[tuple[str, Kind]] = set()
        self._nursery: trio.Nursery | None = None
        sessions.on_end.append(self._session_ends)
        metrics.gauge("doors_open", "Doors for diagnostic tools").set_function(self.__len__)

    def __len__(self) -> int:
        return len(self._doors)

    async def serve(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Let doors live until cancelled."""
        try:
            async with trio.open_nursery() as self._nursery:
                task_status.started()
                await trio.sleep_forever()
        finally:
            self._nursery = None

    def of(self, session: Session) -> list[OpenDoor]:
        """Return the open doors of a session."""
        return [door for (owner, _), door in self._doors.items() if owner == session.id]

    def find(self, session: Session, kind: str) -> OpenDoor:
        """Return a door of a session.

        Raises:
            NotFound: it has none of this kind.
        """
        for door in self.of(session):
            if door.door.kind == kind:
                return door
        raise NotFound("door.unknown", f"This session has no open door of kind {kind[:40]!r}.")

    async def open(
        self, session: Session, kind: Kind, *, tls: bool = False, trusted: tuple[str, ...] = ()
    ) -> OpenDoor:
        """Open a door to a session's vehicle.

        Args:
            session: whose.
            kind: of which kind; a session has one of each.
            tls: DoIP in TLS alone.
            trusted: addresses whose tools need no key: those that cannot send one (DoIP), or that
                find doors by their beacon (socketcand).

        Raises:
            Conflict: it is open already, or the session is over.
            Invalid: the vehicle or this gateway has nothing that such a door needs.
            Throttled: too many doors are open.
            Unavailable: the connector is offline, or no port is free.
        """
        self._check(kind, tls=tls)
        key = (session.id, kind)
        if self._nursery is None:
            raise Unavailable("door.stopping", "The gateway stops. Try another one.")
        _require_active(session)
        if key in self._doors or key in self._opening:
            raise Conflict(
                "door.open", "This door is open already. Close it first, if its key is lost."
            )
        if len(self._doors) + len(self._opening) >= self._settings.max_doors:
            raise Throttled("door.too_many", "All doors are taken. Close one.", retry_after=60)
        self._opening.add(key)
        try:
            opened: OpenDoor = await self._nursery.start(
                partial(self._run, key, session, tls=tls, trusted=frozenset(trusted))
            )
        finally:
            self._opening.discard(key)
        _require_active(session)  # its end has closed the door again
        return opened

    async def close(self, opened: OpenDoor) -> None:
        """Close a door, and wait until its port is free."""
        opened.scope.cancel()
        await opened.ended.wait()

    def _check(self, kind: Kind, *, tls: bool) -> None:
        if tls and kind != "doip":
            raise Invalid("door.tls", "Only DoIP doors speak TLS.", field="tls")
        if tls and self._tls is None:
            raise Invalid(
                "door.no_certificate",
                "This gateway has no certificate for doors: doors.certificate is not set.",
                field="tls",
            )

    def _session_ends(self, session: Session, _reason: EndReason) -> None:
        for opened in self.of(session):
            _tell(opened, "closed", why="session")  # later its recording takes nothing more
            opened.scope.cancel()

    async def _run(
        self,
        key: tuple[str, Kind],
        session: Session,
        *,
        tls: bool,
        trusted: frozenset[str],
        task_status: trio.TaskStatus[OpenDoor] = trio.TASK_STATUS_IGNORED,
    ) -> None:
        """Be one door, from its port to its end."""
        kind = key[1]
        ports = await self._open_ports(kind)
        log = self._log.bind(session=session.id, door=kind, port=ports.port)
        ended = trio.Event()
        try:
            _require_active(session)  # it may have ended meanwhile, and would not end this door
            place = self._place(session, ports, log, tls=tls, trusted=trusted)
            with trio.CancelScope() as scope:
                opened = OpenDoor(_KINDS[kind](place), scope, ended)
                self._doors[key] = opened
                task_status.started(opened)
                await self._live(opened)
        finally:
            ports.close()
            self._doors.pop(key, None)
            ended.set()

    async def _open_ports(self, kind: Kind) -> Ports:
        try:
            return await open_ports(self._settings, udp=kind == "doip")
        except OSError as error:
            self._log.error("doors cannot open: check doors.host", reason=str(error))
            raise Unavailable(
                "door.no_address",
                "This gateway cannot open doors; its administrator can tell why.",
            ) from error

    def _place(
        self, session: Session, ports: Ports, log: Log, *, tls: bool, trusted: frozenset[str]
    ) -> Place:
        return Place(
            sessions=self._sessions,
            session=session,
            settings=self._settings,
            ports=ports,
            clock=self._clock,
            log=log,
            failures=self._failures,
            strangers=self._strangers,
            trusted=trusted,
            tls=self._tls if tls else None,
        )

    async def _live(self, opened: OpenDoor) -> None:
        place = opened.door.place
        place.log.info("door opened")
        _tell(opened, "opened", port=place.ports.port, tls=place.tls is not None)
        why = "shutdown"
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(opened.door.serve)
                await self._until_idle(place)
                why = "idle"
                nursery.cancel_scope.cancel()
        except* Exception as group:  # the boundary of one door
            why = "failed"
            place.log.error("a door failed", exc_info=group)
        finally:
            if opened.scope.cancel_called:
                why = "operator"
            place.log.info("door closed", why=why)
            if place.session.state is SessionState.ACTIVE:
                _tell(opened, "closed", why=why)

    async def _until_idle(self, place: Place) -> None:
        """Return when nobody has been at the door for as long as it may be idle."""
        idle = self._settings.idle
        seen, quiet_since = 0, trio.current_time()
        while trio.current_time() < quiet_since + idle:
            await trio.sleep(idle / _LOOKS)
            if place.counts.connections or place.counts.accepted != seen:
                seen, quiet_since = place.counts.accepted, trio.current_time()


def _tell(opened: OpenDoor, event: str, **more: object) -> None:
    body = {"door": opened.door.kind, "event": event, **more}
    opened.door.place.session.tell(NEWS, body)


def _require_active(session: Session) -> None:
    if session.state is SessionState.ENDED:
        raise Conflict("session.over", "This session is over. Open another.")


def _context(settings: DoorSettings) -> ssl.SSLContext | None:
    if settings.certificate is None or settings.private_key is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(settings.certificate, settings.private_key)
    return context
