"""The telephone exchange (3CX), asked over its XAPI: what goes on, and what calls there were."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from gateway.backoffice.checks import pbx_token
from gateway.backoffice.outside import Outside
from gateway.backoffice.refusal import Upstream
from gateway.backoffice.rules import integrations, telephony
from gateway.backoffice.shop import Shop

#: Between two looks at the history.
_INTERVAL = timedelta(minutes=1)

#: How far back the first look goes; and how far each goes behind the newest call, because calls
#: are written when they end.
_FIRST, _OVERLAP = timedelta(days=7), timedelta(hours=4)

#: Calls of one look.
_MOST = 500

#: The row that says when the next look is due.
_JOB = "call_log"


# Any: JSON of the exchange, here and below.
async def rows(outside: Outside, settings: dict[str, str], what: str) -> list[dict[str, Any]]:
    """Return rows of one of the exchange's tables.

    Raises:
        Upstream: it is not set up, cannot be reached, or refuses.
        Invalid: its address leads where it must not.
    """
    if integrations.missing("3cx", settings):
        raise Upstream("The telephone exchange is not set up.")
    try:
        headers = {"Authorization": f"Bearer {await pbx_token(outside, settings)}"}
        url = f"{settings['api_url'].rstrip('/')}/xapi/v1/{what}"
        reply = await outside.ask_typed("GET", url, headers=headers)
    except OSError:
        raise Upstream("The telephone exchange cannot be reached.") from None
    if not reply.ok or not isinstance(reply.document, dict):
        raise Upstream(f"The telephone exchange answered with status {reply.status}.")
    found = reply.document.get("value")
    return [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []


async def history(
    outside: Outside, settings: dict[str, str], since: datetime
) -> list[dict[str, Any]]:
    """Return calls that began at ``since`` or later, oldest first; raises like :func:`rows`."""
    at = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    wanted = quote(f"SegmentStartTime ge {at}", safe="")
    query = f"$filter={wanted}&$orderby=SegmentStartTime&$top={_MOST}"
    return await rows(outside, settings, f"CallHistoryView?{query}")


def due(shop: Shop, settings: Callable[[Shop], dict[str, str]]) -> dict[str, str] | None:
    """Return the settings of an exchange that is switched on and to be looked at now."""
    if shop.find("integration", slug="3cx", is_enabled=True) is None:
        return None
    job = shop.find("job", name=_JOB)
    return settings(shop) if job is None or job["due_at"] <= shop.now else None


def begin(shop: Shop) -> datetime:
    """Note when the next look is due, and return from when on this one looks."""
    times = {"due_at": shop.now + _INTERVAL, "last_run_at": shop.now}
    job = shop.find("job", name=_JOB)
    if job is None:
        shop.insert("job", {"name": _JOB} | times)
    else:
        shop.change("job", job["id"], times)
    newest = telephony.newest_call(shop)
    return shop.now - _FIRST if newest is None else newest - _OVERLAP
