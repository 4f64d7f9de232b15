"""Refusals as ``application/problem+json`` (RFC 9457), the same for every door.

One table says which HTTP status a kind of refusal has. ``code`` is what scripts match on;
``type`` is the same name as a URI; ``detail`` says what to do. What is not a refusal of ours is a
500 that tells nothing about its inside, but carries a reference that finds the log line.
"""

from __future__ import annotations

import dataclasses
import math
import secrets
from collections.abc import Mapping
from contextlib import suppress

import msgspec
import trio
from quart import Quart, Response, has_request_context, has_websocket_context, request, websocket
from structlog.typing import FilteringBoundLogger
from werkzeug.exceptions import HTTPException, MethodNotAllowed, RequestEntityTooLarge
from werkzeug.exceptions import NotFound as NoSuchRoute

from gateway.domain.errors import Elsewhere, GatewayError
from gateway.web.protocol_errors import protocol_error_in

CONTENT_TYPE = "application/problem+json"

#: Names the node that has what the request needs; read and taken off on the way out.
NODE_HEADER = "Gateway-Node"

#: A refusal often comes before the body was read. Up to this many bytes are read after all, within
#: this many seconds: whoever still sends would not get the answer of a connection that is closed.
WORTH_READING, READ_WITHIN = 1 << 16, 2.0

#: Kind of refusal -> HTTP status. A kind without a row is a mistake of ours, hence 500.
STATUS: Mapping[str, int] = {
    "internal": 500,
    "invalid": 400,
    "unauthorized": 401,
    "forbidden": 403,
    "not_found": 404,
    "conflict": 409,
    "too_large": 413,
    "throttled": 429,
    "unavailable": 503,
    # The gateway works, what stands behind it did not answer in time.
    "vehicle": 504,
}


@dataclasses.dataclass(frozen=True, slots=True)
class Problem:
    """A refusal on its way out.

    Attributes:
        status: HTTP status.
        code: stable name, ``area.reason``.
        title: the class of refusal, for people.
        detail: what is wrong with this request and what to do about it.
        field: the offending input, where there is one.
        headers: what goes with the status (``Allow``, ``Retry-After``, ``WWW-Authenticate``).
    """

    status: int
    code: str
    title: str
    detail: str
    field: str | None = None
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def body(self, instance: str | None = None) -> dict[str, object]:
        """Return the JSON object; ``instance`` is the path that was asked for."""
        body: dict[str, object] = {
            "type": f"urn:problem-type:gateway:{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
        }
        if instance is not None:
            body["instance"] = instance
        if self.field is not None:
            body["field"] = self.field
        return body


def problem_of(error: GatewayError) -> Problem:
    """Return how ``error`` looks from outside; websocket doors send its ``body`` as a message."""
    status = STATUS.get(error.kind, 500)
    headers: dict[str, str] = {}
    if error.retry_after is not None:
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after)))
    if isinstance(error, Elsewhere):
        headers[NODE_HEADER] = error.node
    if status == 401:
        # RFC 9110, 11.6.1: a 401 names the scheme that would be accepted.
        headers["WWW-Authenticate"] = "Bearer"
    return Problem(status, error.code, error.title, error.detail, error.field, headers)


def respond(problem: Problem) -> Response:
    """Return ``problem`` as the answer to the current request or websocket upgrade."""
    return Response(
        msgspec.json.encode(problem.body(_instance())),
        status=problem.status,
        headers=dict(problem.headers),
        content_type=CONTENT_TYPE,
    )


def install(app: Quart, log: FilteringBoundLogger) -> None:
    """Make ``app`` answer every refusal and every surprise with a problem.

    A blueprint with an error shape of its own registers its own handlers; they go first.
    """

    async def on_surprise(error: Exception) -> Response:
        reference = secrets.token_hex(6)
        _log_surprise(log.bind(path=_instance(), reference=reference), error)
        return respond(_surprise(reference))

    async def on_refusal(error: GatewayError) -> Response:
        if STATUS.get(error.kind, 500) == 500:
            return await on_surprise(error)
        return respond(problem_of(error))

    async def on_http(error: HTTPException) -> Response:
        return respond(_from_http(error))

    async def read_rest(answer: Response) -> Response:
        if 0 < (request.content_length or 0) <= WORTH_READING and answer.status_code >= 400:
            with trio.move_on_after(READ_WITHIN), suppress(HTTPException):
                async for _ in request.body:
                    pass
        return answer

    app.after_request(read_rest)
    app.register_error_handler(GatewayError, on_refusal)
    app.register_error_handler(HTTPException, on_http)
    app.register_error_handler(Exception, on_surprise)


def _log_surprise(log: FilteringBoundLogger, error: Exception) -> None:
    if (broken := protocol_error_in(error)) is not None:
        log.warning("a peer broke the protocol", reason=str(broken)[:200])
    else:
        log.error("request failed", exc_info=error)


def _surprise(reference: str) -> Problem:
    detail = f"Something went wrong on our side. Quote reference {reference} when you report it."
    return Problem(500, "internal.error", "Internal error", detail)


def _from_http(error: HTTPException) -> Problem:
    """Translate what Quart itself refuses: routing, body size, malformed requests."""
    status = error.code or 500
    name = error.name.lower().replace(" ", "_")
    detail = (error.description or error.name).replace("\n", " ")
    headers: dict[str, str] = {}
    match error:
        case NoSuchRoute():
            detail = "There is nothing at this address. Check the path against the API's OpenAPI."
        case MethodNotAllowed():
            allowed = ", ".join(sorted(error.valid_methods or ()))
            detail = f"This address does not take this method. It takes {allowed}."
            headers["Allow"] = allowed
        case RequestEntityTooLarge():
            detail = "The request body is larger than this server accepts. Send a smaller one."
        case _:
            pass
    return Problem(status, f"http.{name}", error.name, detail, headers=headers)


def _instance() -> str | None:
    # The path alone: a query may carry a token.
    if has_request_context():
        return str(request.path)
    return str(websocket.path) if has_websocket_context() else None
