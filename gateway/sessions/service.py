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
from gateway.sessions.exchange import Answer, too_slow
from gateway.sessions.leasing import SAFE_STATE_LIMIT, Leasing
from gateway.sessions.limits import SessionLimits
from gateway.sessions.outcome import abandon, asked, conclude
from gateway.sessions.recorder import UNRECORDED, Asked, Recorder
from gateway.sessions.session import EndReason, Session, SessionState, session_event
from protocols.link.messages import ExchangeResult
from protocols.link.vehicle import Target

#: How often lifetimes and idling are looked at, seconds.
SWEEP_INTERVAL = 1.0

#: Takes what came of an exchange.
Done = Callable[[tuple[Answer, ...] | GatewayError], None]


class SessionService:
    """Owned by the application; :meth:`run` ends what has had its time.

    Args:
        registry: who is online.
        limits: bounds.
        clock: wall clock.
        publish: takes ``sessions.session.*`` events; must not block.
        recorder: records what is done.
        tag: hexadecimal digits that ids of this node's sessions begin with.
    """

    def __init__(
        self,
        registry: Registry,
        limits: SessionLimits,
        clock: Clock,
        publish: Callable[[Event], None],
        recorder: Recorder = UNRECORDED,
        tag: str = "",
    ) -> None:
        self.limits = limits
        self._registry = registry
        self._clock = clock
        self._publish = publish
        self._recorder = recorder
        self._tag = tag
        self._sessions: dict[str, Session] = {}
        #: Who may send to which vehicle.
        self.leasing = Leasing(self._sessions, registry, limits, clock, self._announce_lease)
        self._leases, self.occupied = self.leasing.leases, self.leasing.occupied
        #: Called when a session begins to end.
        self.on_end: list[Callable[[Session, EndReason], None]] = []
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
        session.track = self._recorder.begin(session, live)
        session.writer = self._leases.try_acquire(connector, session.id)
        try:
            live.open_session(session.id, writer=session.writer, grace=self.limits.grace)
        except Unavailable:
            self._leases.release(connector, session.id)
            session.track.end("refused")
            raise
        self._sessions[session.id] = session
        session.track.happened("session.opened", {"writer": session.writer})
        self._announce(session, "opened")
        return session

    def _new(
        self, operator: OperatorPrincipal, live: LiveConnector, ticket_id: int | None
    ) -> Session:
        now, monotonic = self._clock(), trio.current_time()
        return Session(
            id=self._tag + secrets.token_hex(16 - len(self._tag) // 2),
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
                "ticket, after four hours, when idle, or with the gateway node they were on.",
            )
        return session

    def of(self, operator: OperatorPrincipal) -> list[Session]:
        """Return the operator's sessions, oldest first."""
        return [s for s in self._sessions.values() if s.client_id == operator.client_id]

    def acquire_lease(self, session: Session, *, take_over: bool = False) -> None:
        """Take the lease on the vehicle, if it is free; or let it move here after due notice.

        Raises:
            Conflict: another session holds it or is to have it next, or this one is over.
            Unavailable: the connector is offline.
        """
        self._serving(session)
        if take_over:
            self.leasing.take_over(session)
        else:
            self.leasing.acquire(session)

    async def end(self, session: Session, reason: EndReason) -> None:
        """End a session and bring the vehicle into its safe state, within a bound.

        Ending one that has ended is fine.
        """
        if self._sessions.pop(session.id, None) is None:
            return
        session.state = SessionState.ENDED
        for tell in self.on_end:
            tell(session, reason)
        # A gateway that goes down does not wait for a connector that is gone.
        live = self._registry.find(session.connector)
        hopeless = reason is EndReason.SHUTDOWN and (live is None or not live.connected)
        safe, detail = False, "the end was cut short"
        try:
            state = await self.leasing.make_safe(session, 0 if hopeless else SAFE_STATE_LIMIT)
            safe, detail = state.safe, state.detail
        finally:
            # The next writer starts from a vehicle in its safe state, hence only now.
            self.leasing.leave(session)
            session.tell("ended", {"reason": reason, "safe": safe, "detail": detail})
            session.end_watching()
            session.track.end(reason)
            self._announce(session, "ended", reason=reason, safe=safe)

    async def end_ticket(
        self, ticket_id: int, whose: Callable[[Session], bool] = lambda _: True
    ) -> None:
        """End the sessions of a ticket: all, or those that it was taken from."""
        of_it = [s for s in self._sessions.values() if s.ticket_id == ticket_id and whose(s)]
        for session in of_it:
            await self.end(session, EndReason.TICKET)

    def tell_ticket(self, ticket_id: int, kind: str, body: dict[str, object]) -> None:
        """Let whoever watches a session of this ticket know of something."""
        for session in self._sessions.values():
            if session.ticket_id == ticket_id:
                session.tell(kind, body)

    def tell_job(self, client_id: str, connector: UUID, body: dict[str, object]) -> None:
        """Let an operator's sessions on a connector know how a job of theirs stands."""
        for session in self._sessions.values():
            if (session.client_id, session.connector) == (client_id, connector):
                session.last_used = trio.current_time()
                session.tell("job", body)

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
                for session, why in list(self.leasing.overdue(trio.current_time())):
                    nursery.start_soon(self.leasing.give_up, session, why)

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
        return live is not None and (session.moving or live.has_session(session.id))

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

    def writing(self, session: Session) -> LiveConnector:
        """Return the connector of a session that may change something there.

        Raises:
            Conflict: the session does not hold the lease, or is over.
            Unavailable: the connector is offline.
        """
        live = self._serving(session)
        self._leases.require(session.connector, session.id)
        session.last_used = trio.current_time()
        return live

    def connector(self, session: Session) -> LiveConnector:
        """Return the session's connector.

        Raises:
            Unavailable: it is offline.
        """
        return self._registry.require(session.connector)

    async def exchange(
        self, session: Session, target: Target, request: bytes, *, by: str = "rest"
    ) -> tuple[Answer, ...]:
        """Run one request at the vehicle; ``by`` says in the recording what asked.

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
        self.occupied.require_free(session.connector, target)
        session.track.require_room()
        session.exchanges += 1
        question = asked(live, target, request, by)
        try:
            outcome = await self._ask(live, session, question)
        except trio.Cancelled:
            abandon(live, session, question, self._clock())
            raise
        replies = conclude(live, session, question, outcome, self._clock())
        if isinstance(replies, GatewayError):
            raise replies
        return replies

    def start_exchange(
        self, session: Session, target: Target, request: bytes, done: Done, *, by: str = "ws"
    ) -> bool:
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
        self.occupied.require_free(session.connector, target)
        session.track.require_room()
        question = asked(live, target, request, by)

        def finish(outcome: ExchangeResult | GatewayError) -> None:
            session.last_used = trio.current_time()
            done(conclude(live, session, question, outcome, self._clock()))

        now = session.last_used = trio.current_time()
        until = now + self.limits.exchange_limit
        if not live.start_exchange(session.id, target, request, finish, until=until):
            return False
        session.exchanges += 1
        return True

    def _expire_exchanges(self, now: float) -> None:
        for session in self._sessions.values():
            live = self._registry.find(session.connector)
            if live is not None:
                live.expire_exchanges(now, self._too_slow)

    def _too_slow(self) -> VehicleFault:
        return too_slow(self.limits.exchange_limit)

    async def _ask(
        self, live: LiveConnector, session: Session, question: Asked
    ) -> ExchangeResult | GatewayError:
        session.last_used = trio.current_time()
        try:
            with trio.fail_after(self.limits.exchange_limit):
                result = await live.exchange(session.id, question.target, question.request)
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

    def _announce_lease(self, session: Session) -> None:
        self._announce(session, "lease", lease="writer" if session.writer else "reader")

    def _announce(self, session: Session, what: str, **more: object) -> None:
        self._publish(session_event(session, what, self._clock(), **more))
