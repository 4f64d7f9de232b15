"""What came of a request, told to everybody who is to know: caller, watchers, recording."""

from __future__ import annotations

from datetime import datetime

import trio

from gateway.domain.errors import GatewayError
from gateway.links.connector import LiveConnector
from gateway.sessions.exchange import Answer, answers, connector_time_line, microseconds, news
from gateway.sessions.recorder import Asked
from gateway.sessions.session import Session
from protocols.link.messages import ExchangeResult
from protocols.link.vehicle import CanTarget, DoipTarget, Target


def asked(live: LiveConnector, target: Target, request: bytes, by: str) -> Asked:
    """Return a request with what its recording says of it."""
    return Asked(target, request, by, live.tester is not None or _is_watched(live, target))


def _is_watched(live: LiveConnector, target: Target) -> bool:
    """Tell whether every frame of the target's bus comes here at this moment."""
    if not live.monitors.active or isinstance(target, DoipTarget):
        return False
    return live.monitors.shows_all(target.bus or _first_bus(live, target))


def _first_bus(live: LiveConnector, target: Target) -> str:
    kinds = {"can", "can-fd"} if isinstance(target, CanTarget) else {"can", "can-fd", "doip"}
    return next((bus.name for bus in live.capabilities.buses if bus.kind in kinds), "")


def conclude(
    live: LiveConnector,
    session: Session,
    question: Asked,
    outcome: ExchangeResult | GatewayError,
    now: datetime,
) -> tuple[Answer, ...] | GatewayError:
    """Return the answers, or the error of a request without any."""
    monotonic = trio.current_time()
    _record(live, session, question, outcome, now, monotonic)
    try:
        if isinstance(outcome, GatewayError):
            raise outcome
        replies = answers(outcome, connector_time_line(now, monotonic, live.clock_offset_us))
    except GatewayError as error:
        session.tell("exchange", news(question.request, error=error.code))
        return error
    if session.watched:
        session.tell("exchange", news(question.request, replies))
    return replies


def abandon(live: LiveConnector, session: Session, question: Asked, now: datetime) -> None:
    """Whoever asked has left before there was an answer; the vehicle may have the request."""
    _record(live, session, question, None, now, trio.current_time())


def _record(
    live: LiveConnector,
    session: Session,
    question: Asked,
    outcome: ExchangeResult | GatewayError | None,
    now: datetime,
    monotonic: float,
) -> None:
    at = microseconds(now)
    offset = at - round(monotonic * 1e6) - live.clock_offset_us
    session.track.exchanged(question, outcome, at, offset)
