"""``/openapi/NAME.json`` and ``/docs``: what the APIs look like, for programs and for people.

The page loads nothing from elsewhere: no script, no font, no style sheet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from html import escape
from importlib.metadata import version

from quart import Blueprint, Response

from gateway.domain.errors import NotFound
from gateway.rest.customer import described as customer
from gateway.rest.customer.shapes import reply
from gateway.rest.operator import described as operator
from gateway.rest.partner import described as partner
from gateway.web.openapi import Described, Schema, document

#: Name of a document -> what describes its API.
APIS: Mapping[str, Callable[[], Described]] = {
    "customer": customer.describe,
    "partner": partner.describe,
    "operator": operator.describe,
}

#: Forbids all that a page could fetch or run.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:2em auto;max-width:60em;padding:0 1em}"
    "code{font-family:ui-monospace,monospace}td{padding:.15em .8em .15em 0;vertical-align:top}"
    "summary{cursor:pointer}pre{background:#8881;padding:.6em;overflow:auto}"
)

Documents = Mapping[str, Callable[[], Schema]]


@cache
def api_document(name: str) -> Schema:
    """Return the OpenAPI document of one of :data:`APIS`."""
    return document(APIS[name](), version("diagnostic-gateway"))


def blueprint(others: Documents) -> Blueprint:
    """Return the routes; ``others`` are documents that are made elsewhere, by name."""
    routes = Blueprint("documents", __name__)

    def find(name: str) -> Schema:
        if name in APIS:
            return api_document(name)
        if name not in others:
            known = ", ".join((*APIS, *others))
            raise NotFound("openapi.unknown", f"There is no API {name!r:.60}; there are {known}.")
        return others[name]()

    @routes.get("/openapi/<name>.json")
    async def get_document(name: str) -> Response:
        return reply(find(name))

    @routes.get("/docs")
    async def list_documents() -> Response:
        parts = [_section(name, find(name)) for name in (*APIS, *others)]
        return _html("APIs", "".join(parts))

    return routes


def _html(title: str, body: str) -> Response:
    page = (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(title)}</title>"
        f"<meta name=viewport content='width=device-width'><style>{_STYLE}</style>"
        f"<h1>{escape(title)}</h1>{body}</html>"
    )
    answer = Response(page, content_type="text/html; charset=utf-8")
    answer.headers["Content-Security-Policy"] = _POLICY
    answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer


def _section(name: str, api: Schema) -> str:
    rows = "".join(
        _row(method, path, operation)
        for path, methods in api["paths"].items()
        for method, operation in methods.items()
    )
    title, link = escape(api["info"]["title"]), f"/openapi/{escape(name)}.json"
    return (
        f"<details><summary><b>{title}</b> <a href='{link}'>{link}</a></summary>"
        f"<table>{rows}</table></details>"
    )


def _row(method: str, path: str, operation: Schema) -> str:
    summary = escape(str(operation.get("summary", "")))
    taken = [f"{one['name']} ({one['in']})" for one in operation.get("parameters", ())]
    body = operation.get("requestBody", {}).get("content", {})
    taken += [f"body {media}" for media in body]
    return (
        f"<tr><td><code>{method.upper()}</code><td><code>{escape(path)}</code>"
        f"<td>{summary}<br><small>{escape(', '.join(taken))}</small>"
    )
