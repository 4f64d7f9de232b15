from __future__ import annotations

import io

import trio
from quart_trio import QuartTrio
from trio.testing import MockClock

from gateway.config import LogSettings
from gateway.runtime.logs import open_log
from gateway.runtime.metrics import Metrics
from gateway.web import health


def _app(draining: trio.Event, **checks: health.Check) -> tuple[QuartTrio, io.StringIO]:
    stream = io.StringIO()
    app = QuartTrio(__name__)
    log = open_log(LogSettings(), stream)
    metrics = Metrics()
    metrics.gauge("links_open", "Links").set(3)
    app.register_blueprint(health.blueprint(metrics, log, draining, checks))
    return app, stream


async def _works() -> None:
    await trio.lowlevel.checkpoint()


async def _broken() -> None:
    raise OSError("no route to db.internal")


async def _hangs() -> None:
    await trio.sleep_forever()


async def test_a_living_process_is_healthy_even_when_nothing_works() -> None:
    app, _ = _app(trio.Event(), database=_broken)
    response = await app.test_client().get("/healthz")
    assert (response.status_code, await response.get_json()) == (200, {"status": "ok"})


async def test_ready_when_every_check_succeeds() -> None:
    app, _ = _app(trio.Event(), database=_works)
    response = await app.test_client().get("/readyz")
    assert (response.status_code, await response.get_json()) == (
        200,
        {"status": "ready", "failed": []},
    )


async def test_failed_and_hanging_checks_are_named_and_their_reason_is_logged(
    autojump_clock: MockClock,
) -> None:
    app, stream = _app(trio.Event(), database=_broken, bus=_hangs, links=_works)
    response = await app.test_client().get("/readyz")
    assert response.status_code == 503
    assert (await response.get_json())["failed"] == ["bus", "database"]
    assert "db.internal" in stream.getvalue()
    assert trio.current_time() >= health.CHECK_WITHIN


async def test_a_draining_node_wants_no_more_work() -> None:
    draining = trio.Event()
    app, _ = _app(draining, database=_works)
    draining.set()
    response = await app.test_client().get("/readyz")
    assert (response.status_code, (await response.get_json())["failed"]) == (503, ["draining"])


async def test_numbers_come_in_the_scrapers_format() -> None:
    app, _ = _app(trio.Event())
    response = await app.test_client().get("/metrics")
    assert "gateway_links_open 3.0" in await response.get_data(as_text=True)
    assert response.headers["Content-Type"].startswith("text/plain")
