"""Portals served from elsewhere: browsers let them in when this server names their origin.

Tokens travel in a header that the portal's own script sets, never in cookies; so an origin that
is not named loses nothing but convenience, and credentials are not allowed (Fetch, 3.2).
"""

from __future__ import annotations

from collections.abc import Collection

from quart import Quart, Response, request

#: Beginnings of the addresses that portals use; desks and operators' scripts are no browsers.
PORTAL = ("/v1/", "/v2/", "/legacy/", "/files/", "/.well-known/", "/openapi/")

METHODS = "GET, HEAD, POST, PUT, DELETE"
HEADERS = "Authorization, Content-Type, If-None-Match"
EXPOSED = "ETag, Retry-After, WWW-Authenticate"

#: Seconds a browser may remember the answer to a preflight; none remembers longer than two hours.
REMEMBERED = 7_200


def install(app: Quart, origins: Collection[str]) -> None:
    """Let scripts of these origins use the portal's addresses; ``*`` lets in everybody's."""
    if not origins:
        return

    named = frozenset(origins)

    def allowed() -> str | None:
        origin = request.headers.get("Origin")
        if origin is None or not request.path.startswith(PORTAL):
            return None
        return origin if {origin, "*"} & named else None

    async def preflight() -> Response | None:
        return _what_is_allowed() if _asks() and allowed() is not None else None

    async def name_origin(answer: Response) -> Response:
        if request.path.startswith(PORTAL):
            answer.vary.add("Origin")
        if (origin := allowed()) is not None:
            answer.headers["Access-Control-Allow-Origin"] = origin
            answer.headers["Access-Control-Expose-Headers"] = EXPOSED
        return answer

    app.before_request(preflight)
    app.after_request(name_origin)


def _asks() -> bool:
    return request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers


def _what_is_allowed() -> Response:
    answer = Response(b"", status=204)
    answer.headers["Access-Control-Allow-Methods"] = METHODS
    answer.headers["Access-Control-Allow-Headers"] = HEADERS
    answer.headers["Access-Control-Max-Age"] = str(REMEMBERED)
    return answer
