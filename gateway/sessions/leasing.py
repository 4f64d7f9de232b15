"""How leases pass from session to session, with the vehicle in its safe state in between.

A holder hears of a take-over (news ``lease``) and has notice until it moves. It may give the lease
up sooner, and loses it anyway when it has not used it for long. Whichever way it goes, the
connector first ends what the session had opened: tester present stops, control units return to
their default session; only then the next writer begins. A transfer job keeps its vehicle: a lease
does not move under it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import trio

from gateway.domain.clock import Clock
from gateway.domain.errors import Conflict, NotFound, Unavailable
from gateway.links.registry import Registry
from gateway.sessions.lease_view import LeaseView
from gateway.sessions.leases import Claim, Leases
from gateway.sessions.limits import SessionLimits
from gateway.sessions.occupied import Occupied
from gateway.sessions.session import Session, SessionState

#: How long a connector may take to put the vehicle into its safe state, seconds. Several control
#: units, each with P2 and a bus that is busy; after that the connector goes on alone.
SAFE_STATE_LIMIT = 10.0


@dataclass(frozen=True, slots=True)
class SafeState:
    """What a connector said of the end of a session.

    Attributes:
        safe: every control unit is back in its default session.
        detail: which are not, and why.
        confirmed: the connector said so itself.
    """

    safe: bool
    detail: str
    confirmed: bool = False


class Leasing:
    """Moves leases; the session service owns it.

    Args:
        sessions: those that are open, by id.
        registry: who is online.
        limits: how long notice is, and how long a lease lasts unused.
        clock: wall clock.
        announce: publishes that a session has or has lost the lease; must not block.
    """

    def __init__(
        self,
        sessions: Mapping[str, Session],
        registry: Registry,
        limits: SessionLimits,
        clock: Clock,
        announce: Callable[[Session], None],
    ) -> None:
        self.leases = Leases()
        #: Control units that transfer jobs work on.
        self.occupied = Occupied()
        self._sessions = sessions
        self._registry = registry
        self._limits = limits
        self._clock = clock
        self._announce = announce

    def acquire(self, session: Session) -> None:
        """Take the lease if it is free; a holder that asks again keeps it for longer.

        Raises:
            Conflict: another session holds it.
            Unavailable: the connector is offline.
        """
        self.leases.try_acquire(session.connector, session.id)
        self.leases.require(session.connector, session.id)
        session.last_used = trio.current_time()
        if not session.writer:
            self._begin_writing(session)

    def take_over(self, session: Session) -> Claim | None:
        """Take the lease if it is free; otherwise when its holder's notice has run out.

        Returns:
            When it moves; ``None`` where the session has it now.

        Raises:
            Conflict: another session is to have it next, or a transfer job works on the vehicle.
            Unavailable: the connector is offline.
        """
        connector = session.connector
        if self.leases.try_acquire(connector, session.id):
            self.acquire(session)
            return None
        self._require_no_job(connector)
        had = self.leases.claimed(connector)
        moves_at = trio.current_time() + self._limits.take_over_notice
        claim = self.leases.claim(connector, session.id, moves_at)
        if claim is not had:
            self._tell_of_claim(session)
        return claim

    async def release(self, session: Session) -> None:
        """Give the lease up; the vehicle is in its safe state then, or had time to get there.

        The session goes on reading, and whoever waits for the lease has it. Without the lease
        this withdraws the session's claim to it.

        Raises:
            Conflict: a transfer job works on the vehicle.
        """
        if self.leases.holds(session.connector, session.id):
            self._require_no_job(session.connector)
            await self.give_up(session, "released")
        else:
            self.withdraw(session)

    async def give_up(self, session: Session, why: str) -> None:
        """Take the lease from its holder, put the vehicle into its safe state, and pass it on.

        Does nothing where the session does not have it.
        """
        if not self.leases.suspend(session.connector, session.id):
            return
        session.writer, session.moving = False, True
        session.tell("lease", {"lease": "reader", "reason": why})
        try:
            state = await self.make_safe(session, SAFE_STATE_LIMIT)
            session.tell("safe_state", {"safe": state.safe, "detail": state.detail})
            if state.confirmed:
                self._go_on_reading(session)
        finally:
            session.moving = False
            self._announce(session)
            self.pass_on(session)

    def withdraw(self, session: Session) -> None:
        """A session does not want to take the lease over any more; its holder hears of it."""
        if self.leases.withdraw(session.connector, session.id):
            self._tell_holder(session, {"lease": "writer", "take_over": None})

    def leave(self, session: Session) -> None:
        """Let a session that has ended go: from the lease, and from the line for it."""
        self.withdraw(session)
        if self.leases.release(session.connector, session.id):
            self.pass_on(session)

    def pass_on(self, former: Session) -> None:
        """Give a lease that is free to whoever takes it over from ``former``."""
        next_id = self.leases.settle(former.connector)
        following = None if next_id is None else self._sessions.get(next_id)
        if following is None:
            if next_id is not None:  # it has ended in this very moment
                self.leases.release(former.connector, next_id)
            return
        following.last_used = trio.current_time()
        try:
            self._begin_writing(following)
        except Unavailable as error:
            self.leases.release(following.connector, following.id)
            following.tell("lease", {"lease": "reader", "reason": error.code})

    def overdue(self, now: float) -> Iterator[tuple[Session, str]]:
        """Yield sessions that are to lose the lease now, and why."""
        for connector, holder in self.leases.due(now):
            session = self._sessions.get(holder)
            if session is not None and not self.occupied.works_on(connector):
                yield session, "take_over"
        for session in self._sessions.values():
            unused = session.writer and now >= session.last_used + self._limits.lease_idle
            if unused and not self.occupied.works_on(session.connector):
                yield session, "expired"

    def view(self, session: Session) -> LeaseView:
        """Return how a session stands to the lease on its vehicle."""
        claim = self.leases.claimed(session.connector)
        claimant = None if claim is None else self._sessions.get(claim.session)
        return LeaseView(
            holder="writer" if session.writer else "reader",
            free=self.leases.is_free(session.connector),
            expires_at=(
                self._moment(session.last_used + self._limits.lease_idle)
                if session.writer
                else None
            ),
            moves_at=None if claim is None else self._moment(claim.moves_at),
            taken_over_by=None if claimant is None else claimant.client_id,
        )

    async def make_safe(self, session: Session, within: float) -> SafeState:
        """End a session at its connector, and say how the vehicle is then.

        Whoever asked may go away; the next writer must wait for the vehicle all the same.
        """
        try:
            live = self._registry.require(session.connector)
            with trio.move_on_after(within, shield=True):
                closed = await live.close_session(session.id)
                return SafeState(closed.safe, closed.detail, confirmed=True)
        except (Unavailable, NotFound, Conflict) as error:
            return SafeState(safe=False, detail=error.detail)
        detail = "the connector did not answer in time; it does this by itself"
        return SafeState(safe=False, detail=detail)

    def _require_no_job(self, connector: UUID) -> None:
        if self.occupied.works_on(connector):
            raise Conflict(
                "session.job_at_work",
                "A transfer job works on this vehicle. Its lease can move once that is over, or "
                "was aborted: put back half-way, a control unit might not start again.",
            )

    def _begin_writing(self, session: Session) -> None:
        live = self._registry.require(session.connector)
        # Asked again after a refusal, this says it again: the lease is ours already.
        live.open_session(session.id, writer=True, grace=self._limits.grace)
        session.writer = True
        session.tell("lease", {"lease": "writer"})
        self._announce(session)

    def _go_on_reading(self, session: Session) -> None:
        """Open a session again that was ended for the sake of the vehicle.

        Where its connector is gone it stays ended, as where it did not confirm: the sweep sees it.
        """
        live = self._registry.find(session.connector)
        if live is None or session.state is SessionState.ENDED:
            return
        try:
            live.open_session(session.id, writer=False, grace=self._limits.grace)
        except Unavailable as error:
            session.tell("lease", {"lease": "reader", "reason": error.code})

    def _tell_of_claim(self, claimant: Session) -> None:
        claim = self.leases.claimed(claimant.connector)
        if claim is None:
            return
        notice = {
            "by": claimant.client_id,
            "moves_at": self._moment(claim.moves_at).isoformat(),
            "seconds": round(claim.moves_at - trio.current_time(), 3),
        }
        self._tell_holder(claimant, {"lease": "writer", "take_over": notice})
        claimant.tell("lease", {"lease": "reader", "take_over": notice})

    def _tell_holder(self, other: Session, body: dict[str, object]) -> None:
        holder = self._sessions.get(self.leases.holder(other.connector) or "")
        if holder is not None:
            holder.tell("lease", body)

    def _moment(self, monotonic: float) -> datetime:
        return self._clock() + timedelta(seconds=monotonic - trio.current_time())
