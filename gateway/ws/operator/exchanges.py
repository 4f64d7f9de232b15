"""Exchanges of one client: many in flight, each answered once and never dropped."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import trio

from gateway.domain.errors import Conflict, GatewayError
from gateway.domain.principal import OperatorPrincipal
from gateway.runtime.feeds import Feed
from gateway.sessions.exchange import Answer
from gateway.sessions.explaining import Descriptions, explained, unexplained
from gateway.sessions.service import SessionService
from gateway.sessions.session import Session
from gateway.sessions.targets import to_request, to_target
from gateway.ws.operator.messages import ExchangeMessage, Reference
from gateway.ws.operator.streams import problem_text, to_text
from protocols.link.vehicle import Target

#: Exchanges one client may have in flight.
MAX_EXCHANGES = 256

#: What came of an exchange.
Outcome = tuple[Answer, ...] | GatewayError


class Exchanges:
    """Owned by the client's socket; :meth:`leave` says that nobody waits for answers any more.

    Args:
        operator: who asks.
        sessions: what they can work on.
        out: takes the answers; holds as many messages as there may be exchanges, so that none
            needs a task to wait in.
        nursery: of the socket.
        descriptions: say what answers mean.
    """

    def __init__(
        self,
        operator: OperatorPrincipal,
        sessions: SessionService,
        out: Feed[str | bytes],
        nursery: trio.Nursery,
        descriptions: Descriptions | None,
    ) -> None:
        self._operator = operator
        self._sessions = sessions
        self._out = out
        self._nursery = nursery
        self._descriptions = descriptions
        self._in_flight = 0
        self._left = False

    def start(self, message: ExchangeMessage) -> None:
        """Take one request; what comes of it, refusals too, is sent when it is there.

        Raises:
            Conflict: as many are in flight as may be.
        """
        if self._in_flight >= MAX_EXCHANGES:
            raise Conflict(
                "socket.too_many_exchanges",
                f"{MAX_EXCHANGES} exchanges are in flight on this socket. Wait for answers.",
            )
        self._in_flight += 1
        try:
            self._ask(message)
        except GatewayError as error:
            self._answer(message.reference, error)

    def leave(self) -> None:
        """Let go of every answer to come: the client is gone, and its nursery closes."""
        self._left = True

    def _ask(self, message: ExchangeMessage) -> None:
        session = self._sessions.find(self._operator, message.session)
        target = to_target(message.ecu)
        request = to_request(
            message.request, target, limit=self._sessions.limits.max_request_bytes
        )
        done = self._done(message, session, target, request)
        if not self._sessions.start_exchange(session, target, request, done):
            self._nursery.start_soon(self._exchange, session, target, request, done)

    def _done(
        self, message: ExchangeMessage, session: Session, target: Target, request: bytes
    ) -> Callable[[Outcome], None]:
        """Return what takes the outcome; without descriptions that costs no task."""
        answer = partial(self._answer, message.reference)
        if self._descriptions is None or not message.decode:
            return answer
        descriptions = self._descriptions
        vehicle = (session.provider_id, self._sessions.connector(session).status.vin)

        def done(outcome: Outcome) -> None:
            if isinstance(outcome, GatewayError) or descriptions.none_for(*vehicle):
                answer(outcome)
            elif not self._left:
                self._nursery.start_soon(explain, outcome)

        async def explain(replies: tuple[Answer, ...]) -> None:
            body = await explained(descriptions, vehicle, target, request, replies)
            self._send(message.reference, body)

        return done

    async def _exchange(
        self, session: Session, target: Target, request: bytes, done: Callable[[Outcome], None]
    ) -> None:
        try:
            done(await self._sessions.exchange(session, target, request))
        except GatewayError as error:
            done(error)

    def _answer(self, reference: Reference, outcome: Outcome) -> None:
        if isinstance(outcome, GatewayError):
            self._put(problem_text("exchange", reference, outcome))
        else:
            self._send(reference, unexplained(outcome))

    def _send(self, reference: Reference, members: dict[str, object]) -> None:
        self._put(to_text({"action": "exchange", "id": reference, **members}))

    def _put(self, answer: str) -> None:
        if self._left:
            return
        try:
            self._out.put_nowait(answer)
        except trio.WouldBlock:
            # An answer is never dropped, and waits in a task. Until it is in the queue the client
            # gets no other exchange in its place, or one that does not read would have no bound.
            self._nursery.start_soon(self._wait_and_put, answer)
        else:
            self._in_flight -= 1

    async def _wait_and_put(self, answer: str) -> None:
        await self._out.put(answer)
        self._in_flight -= 1
