"""How answers leave: documents as JSON, files, pages, and refusals in the API's own shape."""

from __future__ import annotations

import math

import msgspec
from quart import Blueprint, Response, request
from structlog.typing import FilteringBoundLogger
from werkzeug.exceptions import HTTPException

from gateway.backoffice.paths import loggable
from gateway.backoffice.profile import Api
from gateway.backoffice.records import File, Html
from gateway.backoffice.refusal import MethodNotAllowed
from gateway.domain.errors import GatewayError, Invalid, TooLarge

#: Money leaves as JSON numbers, written from decimals, never from floats.
_ENCODER = msgspec.json.Encoder(decimal_format="number")


_TOO_LARGE = "The body is larger than this address takes. Send less at once."


def answer(document: object, status: int = 200) -> Response:
    """Return the response with a document; ``None`` is an empty one."""
    if document is None:
        return Response(b"", status=204 if status == 200 else status)
    if isinstance(document, Html):
        return _page(document)
    if isinstance(document, File):
        headers = {"Content-Disposition": f'inline; filename="{document.name}"'}
        headers["X-Content-Type-Options"] = "nosniff"
        return Response(document.data, status, headers, content_type=document.media)
    return Response(_ENCODER.encode(document), status=status, content_type="application/json")


def _page(page: Html) -> Response:
    headers = {"Location": page.location} if page.location else {}
    headers |= {
        "Cache-Control": "no-cache, private",
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }
    return Response(page.text, page.status, headers, content_type="text/html; charset=utf-8")


def handle_errors(blueprint: Blueprint, api: Api, log: FilteringBoundLogger) -> None:
    """Let whatever its handlers raise leave in the API's own shape."""

    async def on_refusal(error: GatewayError) -> Response:
        return _refused(api, error)

    async def on_http(error: HTTPException) -> Response:
        kind = {413: TooLarge, 400: Invalid}.get(error.code or 500, GatewayError)
        said = _TOO_LARGE if kind is TooLarge else error.description or error.name
        return _refused(api, kind("backoffice.http", said))

    async def on_surprise(error: Exception) -> Response:
        log.error("back office request failed", path=loggable(request.path), exc_info=error)
        return _refused(api, GatewayError("backoffice.internal", "Something went wrong here."))

    blueprint.register_error_handler(GatewayError, on_refusal)
    blueprint.register_error_handler(HTTPException, on_http)
    blueprint.register_error_handler(Exception, on_surprise)


def _refused(api: Api, error: GatewayError) -> Response:
    status, body = api.refusal(error)
    response = answer(body, status)
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(max(1, math.ceil(error.retry_after)))
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, MethodNotAllowed):
        response.headers["Allow"] = ", ".join(error.allowed)
    return response
