"""What the partner's handlers are given, and what every request goes through first.

A request is let in by its token, then counted: so many a second and a day for each client. Lists
answer ``{"query": what was applied, "result": [...], "total": N}``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID

import trio
from quart import Blueprint, Response, g, jsonify, request

from gateway.chat.service import ChatService
from gateway.config import PartnerApiSettings
from gateway.domain.clock import Clock
from gateway.domain.errors import Invalid, NotFound
from gateway.domain.principal import OperatorPrincipal
from gateway.identity.employees import Employees
from gateway.sessions.service import SessionService
from gateway.storage.database import Database
from gateway.storage.queries.page import Page as Found
from gateway.tickets.service import TicketService
from gateway.web import paging, parameters
from gateway.web.auth import OperatorIdentity, require_operator
from gateway.web.paging import Page, PageProfile
from gateway.web.problems import problem_of, respond
from gateway.web.rate_limits import Quota, RateLimiter, refusal

T = TypeVar("T")
Json = dict[str, object]

#: Where in the tree of addresses this API begins.
PREFIX = "/partner/v2"

_DAY = 86_400.0


def limiter_of(settings: PartnerApiSettings) -> RateLimiter:
    """Return what counts the requests of clients, as configured."""
    return RateLimiter(
        Quota(settings.requests_per_second, settings.burst),
        Quota(settings.requests_per_day / _DAY, settings.requests_per_day),
    )


@dataclass(frozen=True, slots=True)
class PartnerDoor:
    """The services behind ``/partner/v2``.

    Attributes:
        identity: knows operators by their tokens.
        database: what is on record.
        tickets: what is to be done.
        sessions: live diagnostics, which end with their ticket.
        chat: what is said in channels.
        employees: keeps garages' people.
        clock: wall clock.
        limiter: counts requests by client.
        pages: how lists are paged.
    """

    identity: OperatorIdentity
    database: Database
    tickets: TicketService
    sessions: SessionService
    chat: ChatService
    employees: Employees
    clock: Clock
    limiter: RateLimiter = field(default_factory=lambda: limiter_of(PartnerApiSettings()))
    pages: PageProfile = paging.PARTNER


def guarded(door: PartnerDoor, name: str) -> Blueprint:
    """Return a blueprint whose requests are let in by token and counted."""
    routes = Blueprint(name, __name__, url_prefix=PREFIX)

    @routes.before_request
    async def let_in() -> Response | None:
        g.operator = await require_operator(door.identity)
        allowance = door.limiter.ask(g.operator.client_id, trio.current_time())
        g.allowance = allowance
        return respond(problem_of(refusal(allowance))) if allowance.wait else None

    @routes.after_request
    async def tell_of_limits(answer: Response) -> Response:
        if (allowance := g.get("allowance")) is not None:
            answer.headers.update(allowance.headers())
        return answer

    return routes


def caller() -> OperatorPrincipal:
    """Return who makes the current request, who was let in before."""
    operator: OperatorPrincipal = g.operator
    return operator


def listing(
    query: Json, found: Found[T], shape: Callable[[T], Json], page: Page | None = None
) -> Response:
    """Return a list as this API has it; ``query`` holds what narrowed it."""
    applied = {name: value for name, value in query.items() if value is not None}
    if page is not None:
        applied |= {"limit": page.limit, "offset": page.offset}
    result = [shape(item) for item in found.items]
    return jsonify({"query": applied, "result": result, "total": found.total})


def created(body: Json) -> Response:
    """Return the answer to what made something."""
    answer = jsonify(body)
    answer.status_code = 201
    return answer


def uuid_in_path(text: str, noun: str) -> UUID:
    """Return a UUID of the path; what is none names nothing.

    Raises:
        NotFound: it is none.
    """
    try:
        return UUID(text)
    except ValueError:
        raise missing(noun) from None


def missing(noun: str) -> NotFound:
    """Return the refusal of what is not there, or not this provider's."""
    return NotFound(f"{noun.replace(' ', '_')}.unknown", f"There is no such {noun}. List them.")


def existing(found: T | None, noun: str) -> T:
    """Return what was found.

    Raises:
        NotFound: nothing was.
    """
    if found is None:
        raise missing(noun)
    return found


def moment_in_query(name: str) -> datetime | None:
    """Return a moment of the query, with its offset from UTC.

    Raises:
        Invalid: it is none, or of no place on earth.
    """
    text = parameters.text(request.args, name, longest=40)
    if text is None:
        return None
    try:
        # A plus that was not escaped arrives as a blank.
        moment = datetime.fromisoformat(text.replace(" ", "+"))
        if moment.tzinfo is None:
            raise ValueError
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Invalid(
            "parameter.invalid",
            f"{name!r} must be a moment with its offset, such as 2026-11-20T08:00:00Z.",
            field=name,
        ) from None


def choice_in_query(name: str, choices: Iterable[str]) -> str | None:
    """Return a word of the query that is one of these.

    Raises:
        Invalid: it is another.
    """
    word = parameters.text(request.args, name)
    known = list(choices)
    if word is not None and word not in known:
        detail = f"{name!r} must be one of {', '.join(known)}."
        raise Invalid("parameter.invalid", detail, field=name)
    return word


def moment(value: datetime | None) -> str | None:
    """Return a moment as this API spells it."""
    return None if value is None else value.astimezone(UTC).isoformat()
