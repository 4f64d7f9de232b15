"""Operators' sessions as the connector sees them, and the safe state of the vehicle.

Whoever opens a diagnostic session in a control unit (10 xx, ISO 14229-1 clause 10.2) makes this
connector responsible for it: tester present keeps it alive while the operator holds the lease,
and when the session ends, for whatever reason, the control unit is brought back to its default
session. When the gateway is gone, tester present goes on for the session's grace; then the
vehicle is put into its safe state without being asked.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import trio

from protocols.diagnosis.sessions import (
    DEFAULT_SESSION,
    TESTER_PRESENT,
    TESTER_PRESENT_INTERVAL,
    changed_session,
    target_name,
)
from protocols.link.messages import ExchangeRequest, ExchangeResult, SessionClosed
from protocols.link.vehicle import Target

#: Requests of our own have no number of the gateway's.
_OWN = 0

Exchange = Callable[[int, Target, bytes], Awaitable[ExchangeResult]]


@dataclass(slots=True, eq=False)
class _Session:
    """One operator's session.

    Attributes:
        writer: holds the lease.
        grace: seconds it outlives the gateway.
        opened: control units in another session than the default one because of it, each with
            what ends its tester present.
        at_work: its requests that are at the vehicle now.
        quiet: set when the last of them is done.
        ending: its grace runs.
    """

    id: str
    writer: bool
    grace: float
    opened: dict[Target, trio.CancelScope] = field(default_factory=dict)
    at_work: int = 0
    quiet: trio.Event = field(default_factory=trio.Event)
    ending: trio.CancelScope | None = None


class Sessions:
    """All sessions of one connector.

    Args:
        exchange: runs a request at the vehicle.
        release: runs its buses again as they were before a session.
        nursery: of the connector's program.
        tell: takes the end of a session that nobody has asked for; must not block.
    """

    def __init__(
        self,
        exchange: Exchange,
        release: Callable[[str], Awaitable[None]],
        nursery: trio.Nursery,
        tell: Callable[[SessionClosed], None],
    ) -> None:
        self._exchange = exchange
        self._release = release
        self._nursery = nursery
        self._tell = tell
        self._sessions: dict[str, _Session] = {}

    def open(self, session: str, *, writer: bool, grace: float) -> None:
        """Begin a session, or change what it may do."""
        known = self._sessions.get(session)
        if known is None:
            self._sessions[session] = _Session(session, writer, grace)
            return
        if known.writer and not writer:
            self._nursery.start_soon(self._make_safe, known)  # what it opened ends with its lease
        known.writer = writer
        known.grace = grace

    def is_writer(self, session: str) -> bool:
        """Tell whether a session is open and holds the lease."""
        known = self._sessions.get(session)
        return known is not None and known.writer

    def hand_over(self, concerns: Callable[[Target], bool]) -> list[Target]:
        """Give up what was opened in these control units: somebody else looks after it now.

        Returns:
            The control units that were in another session than the default one.
        """
        given: list[Target] = []
        for session in self._sessions.values():
            for target in [target for target in session.opened if concerns(target)]:
                session.opened.pop(target).cancel()
                given.append(target)
        return given

    async def exchange(self, message: ExchangeRequest) -> ExchangeResult:
        """Run an operator's request, and remember what it opened."""
        session = self._sessions.get(message.session)
        if session is None or not session.writer:
            return ExchangeResult(
                message.id, failure="refused", detail="no session with the lease asked for this"
            )
        session.at_work += 1
        try:
            result = await self._exchange(message.id, message.target, message.request)
            kind = changed_session(message.request, result)
            if kind is not None:
                self._note(session, message.target, kind)
        finally:
            session.at_work -= 1
            if not session.at_work:
                session.quiet.set()
        return result

    def _note(self, session: _Session, target: Target, kind: int) -> None:
        running = session.opened.pop(target, None)
        if running is not None:
            running.cancel()
        if kind == DEFAULT_SESSION[1]:
            return
        scope = session.opened[target] = trio.CancelScope()
        # One that has ended meanwhile is not kept alive: its end waits to put this back.
        if self._sessions.get(session.id) is session:
            self._nursery.start_soon(self._keep_alive, target, scope)

    async def _keep_alive(self, target: Target, scope: trio.CancelScope) -> None:
        with scope:
            while True:
                await trio.sleep(TESTER_PRESENT_INTERVAL)
                await self._exchange(_OWN, target, TESTER_PRESENT)

    async def close(self, session: str) -> SessionClosed:
        """End a session; returns once the vehicle is in its safe state, or will not go there."""
        known = self._sessions.pop(session, None)
        if known is None:
            return SessionClosed(session, safe=True, detail="there was no such session")
        trouble = await self._make_safe(known)
        return SessionClosed(session, safe=not trouble, detail="; ".join(trouble))

    async def _make_safe(self, session: _Session) -> list[str]:
        """Bring back what a session opened; return what would not come, for people."""
        for scope in session.opened.values():
            scope.cancel()
        # What is at the vehicle now may open something still; every exchange has its bound.
        while session.at_work:
            session.quiet = trio.Event()
            await session.quiet.wait()
        trouble = []
        opened, session.opened = session.opened, {}
        for target in opened:
            result = await self._exchange(_OWN, target, DEFAULT_SESSION)
            if changed_session(DEFAULT_SESSION, result) is None:
                trouble.append(f"{target_name(target)}: {result.failure or 'refused'}")
        await self._release(session.id)
        return trouble

    def link_lost(self) -> None:
        """The gateway is gone: from now on each session's grace runs."""
        for session in self._sessions.values():
            if session.ending is None:
                session.ending = trio.CancelScope()
                self._nursery.start_soon(self._end_after_grace, session, session.ending)

    def link_back(self) -> None:
        """The gateway has resumed the link: sessions go on."""
        for session in self._sessions.values():
            if session.ending is not None:
                session.ending.cancel()
                session.ending = None

    def abandon_all(self) -> None:
        """The gateway does not know our sessions any more: the vehicle goes safe at once."""
        sessions, self._sessions = self._sessions, {}
        for session in sessions.values():
            if session.ending is not None:
                session.ending.cancel()
            self._nursery.start_soon(self._make_safe, session)

    async def _end_after_grace(self, session: _Session, scope: trio.CancelScope) -> None:
        with scope:
            await trio.sleep(session.grace)
        if scope.cancelled_caught:
            return
        self._sessions.pop(session.id, None)
        trouble = await self._make_safe(session)
        # A gateway that has begun anew meanwhile may have opened it again.
        if session.id not in self._sessions:
            detail = "; ".join(["the gateway was gone for longer than its grace", *trouble])
            self._tell(SessionClosed(session.id, safe=not trouble, detail=detail))
