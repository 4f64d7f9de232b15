"""Open, exchange, listen, end: what operators can do with a vehicle."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import trio

from gateway.domain.clock import Clock
from gateway.domain.errors import (
    Conflict,
    GatewayError,
    Invalid,
    NotFound,
    Unavailable,
    VehicleFault,
)
from gateway.domain.events import Event
from gateway.domain.principal import OperatorPrincipal
from gateway.links.connector import LiveConnector
from gateway.links.registry import Registry
from gateway.sessions.exchange import Answer, answers, connector_time_line
from gateway.sessions.leases import Leases
from gateway.sessions.limits import SessionLimits
from gateway.sessions.session import EndReason, Session, SessionState
from protocols.link.messages import ExchangeResult
from protocols.link.vehicle import Target

#: How often lifetimes and idling are looked at, seconds.
SWEEP_INTERVAL = 1.0

#: How long a connector may take to put the vehicle into its safe state, seconds. Several control
#: units, each with P2 and a bus that is busy; after that the connector goes on alone.
SAFE_STATE_LIMIT = 10.0


#: Takes what came of an exchange.
Done = Callable[[tuple[Answer, ...] | GatewayError], None]


class SessionService:
    """Owned by the application; :meth:`run` ends what has had its time.

    Args:
        registry: who is online.
        limits: bounds.
        clock: wall clock.
        publish: takes ``sessions.session.*`` events; must not block.
    """

    def __init__(
        self,
        registry: Registry,
        limits: SessionLimits,
        clock: Clock,
        publish: Callable[[Event], None],
    ) -> None:
        self.limits = limits
        self._registry = registry
        self._clock = clock
        self._publish = publish
        self._sessions: dict[str, Session] = {}
        self._leases = Leases()
        self._stopping = trio.Event()

    def __len__(self) -> int:
        return len(self._sessions)

    # --- life --------------------------------------------------------------------------------

    def open(
        self, operator: OperatorPrincipal, connector: UUID, *, ticket_id: int | None
    ) -> Session:
        """Begin a session; it gets the lease if that is free.

        The caller has checked that this operator may work on this connector.

        Raises:
            Unavailable: the connector is offline, or busy beyond measure.
            Conflict: the operator holds too many sessions.
        """
        live = self._registry.require(connector)
        mine = sum(1 for s in self._sessions.values() if s.client_id == operator.client_id)
        if mine >= self.limits.max_per_operator:
            raise Conflict(
                "session.too_many",
                f"You hold {mine} sessions. End some before you open another.",
            )
        session = self._new(operator, live, ticket_id)
        session.writer = self._leases.try_acquire(connector, session.id)
        try:
            live.open_session(session.id, writer=session.writer, grace=self.limits.grace)
        except Unavailable:
            self._leases.release(connector, session.id)
            raise
        self._sessions[session.id] = session
        self._announce(session, "opened")
        return session

    def _new(
        self, operator: OperatorPrincipal, live: LiveConnector, ticket_id: int | None
    ) -> Session:
        now, monotonic = self._clock(), trio.current_time()
        return Session(
            id=secrets.token_hex(16),
            client_id=operator.client_id,
            provider_id=operator.provider_id,
            connector=live.known.uuid,
            connector_id=live.known.number,
            ticket_id=ticket_id,
            opened_at=now,
            expires_at=now + timedelta(seconds=self.limits.lifetime),
            ends_by=monotonic + self.limits.lifetime,
            last_used=monotonic,
        )

    def find(self, operator: OperatorPrincipal, session_id: str) -> Session:
        """Return the operator's session.

        Raises:
            NotFound: there is none of this id, or it is somebody else's.
        """
        session = self._sessions.get(session_id)
        if session is None or session.client_id != operator.client_id:
            raise NotFound(
                "session.unknown",
                "You have no session of this id. It may have ended: sessions end with their "
                "ticket, after four hours, or when idle.",
            )
        return session

    def of(self, operator: OperatorPrincipal) -> list[Session]:
        """Return the operator's sessions, oldest first."""
        return [s for s in self._sessions.values() if s.client_id == operator.client_id]

    def acquire_lease(self, session: Session) -> None:
        """Take the lease on the vehicle.

        Raises:
            Conflict: another session holds it, or this one is over.
            Unavailable: the connector is offline.
        """
        live = self._serving(session)
        self._leases.try_acquire(session.connector, session.id)
        self._leases.require(session.connector, session.id)
        if not session.writer:
            # Asked again after a refusal, this says it again: the lease is ours already.
            live.open_session(session.id, writer=True, grace=self.limits.grace)
            session.writer = True
            session.tell("lease", {"lease": "writer"})

    async def end(self, session: Session, reason: EndReason) -> None:
        """End a session and bring the vehicle into its safe state, within a bound.

        Ending one that has ended is fine.
        """
        if self._sessions.pop(session.id, None) is None:
            return
        session.state = SessionState.ENDED
        safe, detail = False, "the connector did not answer in time; it does this by itself"
        try:
            live = self._registry.require(session.connector)
            # A gateway that goes down does not wait for a connector that is gone.
            hopeless = reason is EndReason.SHUTDOWN and not live.connected
            # Whoever asked may go away; the lease must wait for the vehicle all the same.
            with trio.move_on_after(0 if hopeless else SAFE_STATE_LIMIT, shield=True):
                closed = await live.close_session(session.id)
                safe, detail = closed.safe, closed.detail
        except (Unavailable, NotFound, Conflict) as error:
            detail = error.detail
        finally:
            # The next writer starts from a vehicle in its safe state, hence only now.
            self._leases.release(session.connector, session.id)
            session.tell("ended", {"reason": reason, "safe": safe, "detail": detail})
            session.end_watching()
            self._announce(session, "ended", reason=reason, safe=safe)

    async def end_ticket(self, ticket_id: int) -> None:
        """End every session of a ticket."""
        for session in [s for s in self._sessions.values() if s.ticket_id == ticket_id]:
            await self.end(session, EndReason.TICKET)

    async def end_operator(self, client_id: str) -> None:
        """End every session of an operator."""
        for session in [s for s in self._sessions.values() if s.client_id == client_id]:
            await self.end(session, EndReason.OPERATOR)

    async def end_all(self) -> None:
        """End every session, side by side: the gateway goes down."""
        async with trio.open_nursery() as nursery:
            for session in list(self._sessions.values()):
                nursery.start_soon(self.end, session, EndReason.SHUTDOWN)

    async def serve(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """End what has had its time until stopped; then end everything, side by side."""
        task_status.started()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._sweep)
            await self._stopping.wait()
            nursery.cancel_scope.cancel()
        await self.end_all()

    def stop(self) -> None:
        """Let :meth:`serve` end every session and return."""
        self._stopping.set()

    async def _sweep(self) -> None:
        async with trio.open_nursery() as nursery:
            while True:
                await trio.sleep(SWEEP_INTERVAL)
                self._expire_exchanges(trio.current_time())
                for session, reason in self._overdue(trio.current_time()):
                    nursery.start_soon(self.end, session, reason)

    def _overdue(self, now: float) -> list[tuple[Session, EndReason]]:
        overdue = []
        for session in self._sessions.values():
            if now >= session.ends_by:
                overdue.append((session, EndReason.LIFETIME))
            elif now >= session.last_used + self.limits.idle:
                overdue.append((session, EndReason.IDLE))
            elif not self._is_served(session):
                overdue.append((session, EndReason.CONNECTOR))
        return overdue

    def _is_served(self, session: Session) -> bool:
        """Tell whether the connector still keeps this session, interruptions included."""
        live = self._registry.find(session.connector)
        return live is not None and live.has_session(session.id)

    def _serving(self, session: Session) -> LiveConnector:
        live = self._registry.require(session.connector)
        if session.state is SessionState.ENDED or not live.has_session(session.id):
            raise Conflict(
                "session.over",
                "This session is over, or its connector was gone for longer than it could wait. "
                "Open another.",
            )
        return live

    # --- work --------------------------------------------------------------------------------

    def connector(self, session: Session) -> LiveConnector:
        """Return the session's connector.

        Raises:
            Unavailable: it is offline.
        """
        return self._registry.require(session.connector)

    async def exchange(
        self, session: Session, target: Target, request: bytes
    ) -> tuple[Answer, ...]:
        """Run one request at the vehicle.

        Returns:
            The answers: one as a rule, none where a positive one was suppressed, several where
            the request was functional.

        Raises:
            Conflict: the session does not hold the lease, or is over.
            Unavailable: the connector is offline or was lost on the way.
            VehicleFault: the vehicle did not answer, or not in time.
            Invalid: the connector has no such bus or control unit.
        """
        live = self._serving(session)
        self._leases.require(session.connector, session.id)
        session.exchanges += 1
        outcome = await self._ask(live, session, target, request)
        replies = self._conclude(live, session, request, outcome)
        if isinstance(replies, GatewayError):
            raise replies
        return replies

    def start_exchange(self, session: Session, target: Target, request: bytes, done: Done) -> bool:
        """Run one request at the vehicle without a task of its own: the way for many at once.

        ``done`` is called once, with what :meth:`exchange` would return or raise; it must not
        block or raise.

        Returns:
            False where a task is needed; nothing was sent then.

        Raises:
            Conflict: the session does not hold the lease, or is over.
            Unavailable: the connector is offline or too busy.
        """
        live = self._serving(session)
        self._leases.require(session.connector, session.id)

        def finish(outcome: ExchangeResult | GatewayError) -> None:
            session.last_used = trio.current_time()
            done(self._conclude(live, session, request, outcome))

        now = session.last_used = trio.current_time()
        until = now + self.limits.exchange_limit
        if not live.start_exchange(session.id, target, request, finish, until=until):
            return False
        session.exchanges += 1
        return True

    def _conclude(
        self,
        live: LiveConnector,
        session: Session,
        request: bytes,
        outcome: ExchangeResult | GatewayError,
    ) -> tuple[Answer, ...] | GatewayError:
        """Return what came of a request, and tell whoever watches the session."""
        now = trio.current_time()
        try:
            if isinstance(outcome, GatewayError):
                raise outcome
            time_line = connector_time_line(self._clock(), now, live.clock_offset_us)
            replies = answers(outcome, time_line)
        except GatewayError as error:
            session.tell("exchange", _news(request, error=error.code))
            return error
        if session.watched:
            session.tell("exchange", _news(request, replies))
        return replies

    def _expire_exchanges(self, now: float) -> None:
        for session in self._sessions.values():
            live = self._registry.find(session.connector)
            if live is not None:
                live.expire_exchanges(now, self._too_slow)

    def _too_slow(self) -> VehicleFault:
        return VehicleFault(
            "exchange.too_slow",
            f"No result after {self.limits.exchange_limit:g} s. It is not known whether the "
            "vehicle got the request: read back before you repeat it.",
        )

    async def _ask(
        self, live: LiveConnector, session: Session, target: Target, request: bytes
    ) -> ExchangeResult | GatewayError:
        session.last_used = trio.current_time()
        try:
            with trio.fail_after(self.limits.exchange_limit):
                result = await live.exchange(session.id, target, request)
        except trio.TooSlowError:
            return self._too_slow()
        except (VehicleFault, Invalid, Unavailable) as error:
            return error
        session.last_used = trio.current_time()
        return result

    async def write_frames(self, session: Session, batch: bytes) -> None:
        """Put a batch of raw frames on the vehicle's bus; waits while the link is full.

        Raises:
            Conflict: the session does not hold the lease, or is over.
            Unavailable: the connector is offline.
            TooLarge: no message can hold this batch.
        """
        live = self._serving(session)
        self._leases.require(session.connector, session.id)
        session.last_used = trio.current_time()
        await live.write_frames(batch)

    def _announce(self, session: Session, what: str, **more: object) -> None:
        self._publish(
            Event(
                type=f"sessions.session.{what}",
                subject=f"session:{session.id}",
                tenant_id=None,
                payload={
                    "session_id": session.id,
                    "client_id": session.client_id,
                    "connector_id": session.connector_id,
                    "ticket_id": session.ticket_id,
                    **more,
                },
                occurred_at=self._clock(),
            )
        )


def _news(
    request: bytes, replies: tuple[Answer, ...] = (), *, error: str | None = None
) -> dict[str, object]:
    return {
        "request": request.hex().upper(),
        "responses": [reply.to_json() for reply in replies],
        "error": error,
    }
