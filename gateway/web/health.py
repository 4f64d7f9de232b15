"""Whether this node lives, whether it should get work, and its numbers.

``/healthz`` answers as long as the process does: what restarts a container asks here.
``/readyz`` answers 503 while the node drains or something it needs does not work: what balances
load asks here. ``/metrics`` is for Prometheus.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import msgspec
import trio
from quart import Blueprint, Response, request

from gateway.runtime.logs import Log
from gateway.runtime.metrics import Metrics

#: Checks that something works: returns, or raises.
Check = Callable[[], Awaitable[object]]

#: Seconds one check may take; a probe that waits longer has given up anyway.
CHECK_WITHIN = 2.0


def blueprint(
    metrics: Metrics, log: Log, draining: trio.Event, checks: Mapping[str, Check]
) -> Blueprint:
    """Return the three addresses.

    Args:
        metrics: what ``/metrics`` shows.
        log: told why a check failed; the answer names the check alone.
        draining: set once this node should get no more work.
        checks: name -> check, all of which must succeed for the node to be ready.
    """
    pages = Blueprint("health", __name__)

    @pages.get("/healthz")
    async def health() -> Response:
        return _json({"status": "ok"}, 200)

    @pages.get("/readyz")
    async def ready() -> Response:
        failed = await _failed(checks, log)
        if draining.is_set():
            failed = ["draining", *failed]
        status = "not ready" if failed else "ready"
        return _json({"status": status, "failed": failed}, 503 if failed else 200)

    @pages.get("/metrics")
    async def numbers() -> Response:
        page, content_type = metrics.exposition(request.headers.get("Accept"))
        return Response(page, content_type=content_type)

    return pages


async def _failed(checks: Mapping[str, Check], log: Log) -> list[str]:
    failed: list[str] = []

    async def run(name: str, check: Check) -> None:
        try:
            with trio.fail_after(CHECK_WITHIN):
                await check()
        except Exception as error:  # noqa: BLE001 - whatever a check raises means the same
            log.warning("not ready", check=name, error=repr(error)[:200])
            failed.append(name)

    async with trio.open_nursery() as nursery:
        for name, check in checks.items():
            nursery.start_soon(run, name, check)
    return sorted(failed)


def _json(body: dict[str, object], status: int) -> Response:
    headers = {"Cache-Control": "no-store"}
    return Response(
        msgspec.json.encode(body), status, headers=headers, content_type="application/json"
    )
