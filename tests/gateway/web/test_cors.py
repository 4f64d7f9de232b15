from __future__ import annotations

import pytest
from quart import Response
from quart_trio import QuartTrio

from gateway.config import ConfigError, settings_from
from gateway.domain.errors import Unauthorized
from gateway.runtime.logs import Log
from gateway.web import cors, problems

PORTAL = "https://portal.example"
PREFLIGHT = {"Origin": PORTAL, "Access-Control-Request-Method": "POST"}


def serving(log: Log, *origins: str) -> QuartTrio:
    app = QuartTrio("test")
    problems.install(app, log)
    cors.install(app, origins)

    @app.post("/v1/tickets")
    async def order() -> Response:
        raise Unauthorized("token.missing", "Sign in.")

    @app.get("/operator/v1/tickets")
    async def other() -> Response:
        return Response(b"{}")

    return app


async def test_a_named_portal_may_ask_and_read(log: Log) -> None:
    client = serving(log, PORTAL).test_client()
    answer = await client.options("/v1/tickets", headers=PREFLIGHT)
    assert answer.status_code == 204
    assert answer.headers["Access-Control-Allow-Origin"] == PORTAL
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]
    # A refusal, too, can be read by the portal.
    refused = await client.post("/v1/tickets", headers={"Origin": PORTAL})
    assert refused.status_code == 401
    assert refused.headers["Access-Control-Allow-Origin"] == PORTAL
    assert "Origin" in refused.headers["Vary"]
    assert "Access-Control-Allow-Credentials" not in refused.headers


@pytest.mark.parametrize("origin", ["https://evil.example", "null", f"{PORTAL}.evil.example"])
async def test_others_are_not_named(log: Log, origin: str) -> None:
    client = serving(log, PORTAL).test_client()
    for method in (client.options, client.post):
        answer = await method("/v1/tickets", headers=PREFLIGHT | {"Origin": origin})
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert "Origin" in answer.headers["Vary"]


async def test_other_doors_and_other_installations_say_nothing(log: Log) -> None:
    client = serving(log, PORTAL).test_client()
    answer = await client.get("/operator/v1/tickets", headers={"Origin": PORTAL})
    assert "Access-Control-Allow-Origin" not in answer.headers
    unset = await serving(log).test_client().options("/v1/tickets", headers=PREFLIGHT)
    assert "Access-Control-Allow-Origin" not in unset.headers
    everybody = serving(log, "*").test_client()
    answer = await everybody.post("/v1/tickets", headers={"Origin": "https://any.example"})
    assert answer.headers["Access-Control-Allow-Origin"] == "https://any.example"


@pytest.mark.parametrize("origin", ["portal.example", "https://portal.example/", "ftp://x"])
def test_what_is_no_origin_is_refused_at_the_start(origin: str) -> None:
    with pytest.raises(ConfigError, match="is no origin"):
        settings_from({"http": {"allowed_origins": [origin]}}, {})
    good = settings_from({"http": {"allowed_origins": [PORTAL, "*"]}}, {})
    assert good.http.allowed_origins == (PORTAL, "*")
