"""What the composition promises: order, readiness, and no door left open by mistake."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from urllib.parse import urlsplit

import httpx2
import pytest
import structlog
import trio
from quart_trio import QuartTrio
from structlog.testing import CapturingLogger
from structlog.typing import FilteringBoundLogger

from gateway import app as application
from gateway.app import Gateway, open_gateway
from gateway.config import DatabaseSettings, LinkSettings, Settings
from gateway.domain.errors import Conflict
from gateway.runtime.supervise import ServiceFailed, Supervisor
from gateway.sessions.endings import TicketEndings

pytestmark = pytest.mark.slow

#: Where strangers are let in, each for a stated reason.
PUBLIC = {
    "/healthz",
    "/readyz",
    "/metrics",
    "/docs",
    "/.well-known/jwks.json",
    "/partner/oauth2/token",
    "/v1/authenticate/pincode",
    "/v2/authenticate/pincode",
    "/v1/authenticate/otp",
    "/v1/authenticate/refresh",
    "/v1/authenticate/password",
    "/v1/authenticate/password/choose",
    "/legacy/api/mobile/authentication/authenticate/forgot/password",
}


@pytest.fixture
async def gateway(settings: Settings, log: FilteringBoundLogger) -> AsyncIterator[Gateway]:
    with trio.fail_after(30):
        async with open_gateway(settings, log) as opened:
            yield opened


@pytest.fixture
async def client(gateway: Gateway) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=gateway.http_url, trust_env=False) as opened:
        yield opened


async def test_it_is_ready_when_it_says_so(gateway: Gateway, client: httpx2.AsyncClient) -> None:
    for path in ("/healthz", "/readyz", "/metrics"):
        assert (await client.get(path)).status_code == 200, path
    assert gateway.http_url.startswith("http://127.0.0.1:")
    assert re.fullmatch(r"ws://127\.0\.0\.1:\d+/link/v1", gateway.link_url)
    assert not gateway.shutdown.requested.is_set()
    text = (await client.get("/metrics")).text
    for gauge in ("connectors_online 0.0", "sessions_open 0.0", "live_events_dropped 0.0"):
        assert f"gateway_{gauge}" in text


async def test_its_folder_is_its_owners_alone(
    settings: Settings, log: FilteringBoundLogger, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("base") / "new" / "data"
    data = type(settings.data)(directory=folder)
    changed = type(settings)(data=data, http=settings.http, link=settings.link)
    async with open_gateway(changed, log):
        assert folder.stat().st_mode & 0o077 == 0
        assert (folder / "secret.key").stat().st_mode & 0o077 == 0


class RoutesSeen:
    """The application as it was built, for a look at its routes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.app: QuartTrio | None = None
        build = application.build_http

        def seen(*arguments: object) -> QuartTrio:
            self.app = build(*arguments)  # type: ignore[arg-type] # passed on as they came
            return self.app

        monkeypatch.setattr(application, "build_http", seen)

    def rules(self) -> list[tuple[str, str]]:
        """Return every (method, path) with a plausible value in each place; no websockets."""
        assert self.app is not None
        found = []
        for rule in self.app.url_map.iter_rules():
            if rule.websocket or rule.endpoint == "static":
                continue
            path = re.sub(r"<(?:[^:<>]*(?:\([^)]*\))?:)?[^<>]*>", "1", rule.rule)
            methods = (rule.methods or set()) - {"OPTIONS", "HEAD"}
            found += [(method, path) for method in sorted(methods)]
        return found


async def test_every_door_refuses_strangers(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, log: FilteringBoundLogger
) -> None:
    seen = RoutesSeen(monkeypatch)
    async with (
        open_gateway(settings, log) as gateway,
        httpx2.AsyncClient(base_url=gateway.http_url, trust_env=False) as client,
    ):
        statuses: dict[str, set[int]] = {}
        for method, path in seen.rules():
            for headers in ({}, {"Authorization": "Bearer x.y.z"}):
                response = await client.request(method, path, headers=headers, json={})
                statuses.setdefault(path, set()).add(response.status_code)
    assert len(statuses) > 50
    assert max(max(found) for found in statuses.values()) < 500
    # Nothing is there, or not for this method, or not for strangers.
    open_doors = {path for path, found in statuses.items() if found - {401, 404, 405}}
    assert {path for path in open_doors if not path.endswith("/auth/login")} == PUBLIC
    guarded = [path for path, found in statuses.items() if 401 in found]
    assert len(guarded) > 50


async def test_no_two_routes_are_the_same(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, log: FilteringBoundLogger
) -> None:
    seen = RoutesSeen(monkeypatch)
    async with open_gateway(settings, log):
        rules = seen.rules()
    assert sorted(set(rules)) == sorted(rules)


async def test_services_stop_in_the_reverse_of_their_order(
    settings: Settings, log: FilteringBoundLogger, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[str] = []
    start = Supervisor.start

    async def noted(self: object, name: str, *more: object, **options: object) -> object:
        started.append(name)
        return await start(self, name, *more, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Supervisor, "start", noted)
    async with open_gateway(settings, log):
        assert started.index("outbox") < started.index("closed tickets")
        assert started.index("registry") < started.index("links") < started.index("sessions")
        assert started.index("http") < started.index("drain")
        assert started[-1] == "drain"


async def test_a_part_that_ends_ends_the_gateway(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    breaks = trio.Event()

    async def broken(
        _self: object, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        task_status.started()
        await breaks.wait()
        raise ZeroDivisionError

    monkeypatch.setattr(TicketEndings, "run", broken)
    logged = CapturingLogger()
    log: FilteringBoundLogger = structlog.wrap_logger(
        logged, processors=[], wrapper_class=structlog.make_filtering_bound_logger(0)
    )
    with trio.fail_after(30):
        with pytest.raises(ServiceFailed, match="ticket endings"):  # noqa: PT012 - the whole life
            async with open_gateway(settings, log):
                breaks.set()
                await trio.sleep_forever()
    failed = [call.kwargs for call in logged.calls if call.kwargs.get("event") == "service failed"]
    assert [line["service"] for line in failed] == ["ticket endings"]


@pytest.mark.parametrize("taken", ["http", "link"])
async def test_an_address_in_use_leaves_nothing_behind(
    settings: Settings, log: FilteringBoundLogger, taken: str
) -> None:
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listener.socket.getsockname()[1]
    values = {"data": settings.data, "security": settings.security, "http": settings.http}
    values["link"] = settings.link
    values[taken] = type(values[taken])(port=port)  # type: ignore[call-arg]
    with pytest.raises(ExceptionGroup) as caught:
        async with open_gateway(Settings(**values), log):  # type: ignore[arg-type]
            pytest.fail("it cannot have started")
    assert caught.group_contains(OSError)
    await listener.aclose()
    async with open_gateway(settings, log) as gateway:  # the same folder, nothing locked
        assert gateway.http_url


async def test_two_embedded_gateways_do_not_share_a_folder(
    settings: Settings, log: FilteringBoundLogger
) -> None:
    embedded = replace(settings, database=DatabaseSettings())
    async with open_gateway(embedded, log):
        with pytest.raises(Conflict, match="Another gateway runs on"):
            async with open_gateway(embedded, log):
                pytest.fail("it cannot have started")


async def test_strangers_who_do_nothing_do_not_hold_up_a_stop(
    settings: Settings, log: FilteringBoundLogger
) -> None:
    async with open_gateway(settings, log) as gateway:
        idle = []
        for url in (gateway.http_url, gateway.link_url):
            address = urlsplit(url)
            idle.append(await trio.open_tcp_stream(str(address.hostname), address.port or 0))
        await trio.sleep(0.05)
        began = trio.current_time()
    took = trio.current_time() - began
    for stream in idle:
        await stream.aclose()
    assert took < 5.0, f"stopping took {took:.1f} s"


async def test_the_link_port_has_one_address(
    settings: Settings, log: FilteringBoundLogger
) -> None:
    values = {"data": settings.data, "security": settings.security, "http": settings.http}
    async with open_gateway(
        Settings(**values, link=LinkSettings(host="localhost", port=0)),  # type: ignore[arg-type]
        log,
    ) as gateway:
        address = urlsplit(gateway.link_url)
        for host in ("localhost", address.hostname):
            stream = await trio.open_tcp_stream(str(host), address.port or 0)
            await stream.aclose()
