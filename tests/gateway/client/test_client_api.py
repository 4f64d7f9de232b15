"""Tokens and refusals of the operator API, against a gateway made of one function."""

from __future__ import annotations

from collections.abc import Callable

import httpx2
import pytest
import trio
import trio.testing

from gateway.client.api import OperatorApi, new_http
from gateway.client.errors import NoAnswer, Refused, SignInRefused, Unreachable, Unreadable
from gateway.client.profile import Profile
from gateway.client.records import Connector

PROFILE = Profile("http://gateway", "op", "secret")


class Gateway:
    """Answers as the test wants; counts sign-ins."""

    def __init__(self, answer: Callable[[httpx2.Request], httpx2.Response]) -> None:
        self.sign_ins = 0
        self.lifetime = 100
        self._answer = answer

    async def handle(self, request: httpx2.Request) -> httpx2.Response:
        await trio.sleep(0.01)
        if request.url.path != "/partner/oauth2/token":
            return self._answer(request)
        assert (
            request.content == b"grant_type=client_credentials&client_id=op&client_secret=secret"
        )
        self.sign_ins += 1
        body = {"access_token": f"token {self.sign_ins}", "expires_in": self.lifetime}
        return httpx2.Response(200, json=body)

    def api(self) -> OperatorApi:
        client = httpx2.AsyncClient(transport=httpx2.MockTransport(self.handle))
        return OperatorApi(PROFILE, client)


def plain(_: httpx2.Request) -> httpx2.Response:
    return httpx2.Response(200, json={"id": 1, "uuid": "u", "online": True})


async def test_many_calls_share_a_sign_in_and_renew_in_time(
    autojump_clock: trio.testing.MockClock,
) -> None:
    gateway = Gateway(plain)
    api = gateway.api()
    async with trio.open_nursery() as nursery:
        for _ in range(5):
            nursery.start_soon(api.get, "/connectors/u", Connector)
    assert gateway.sign_ins == 1
    await trio.sleep(79)
    await api.get("/connectors/u", Connector)
    assert gateway.sign_ins == 1
    await trio.sleep(2)
    await api.get("/connectors/u", Connector)
    assert gateway.sign_ins == 2, "before it has expired"


async def test_a_token_that_is_not_taken_is_replaced_once(
    autojump_clock: trio.testing.MockClock,
) -> None:
    seen: list[str] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request.headers["Authorization"])
        problem = {"code": "token.invalid", "status": 401, "detail": "Sign in again."}
        return (
            plain(request) if seen[-1] == "Bearer token 2" else httpx2.Response(401, json=problem)
        )

    gateway = Gateway(answer)
    assert (await gateway.api().get("/connectors/u", Connector)).online
    assert seen == ["Bearer token 1", "Bearer token 2"]
    gateway.sign_ins = 5
    with pytest.raises(Refused, match="Sign in again"):
        await gateway.api().get("/connectors/u", Connector)
    assert seen[2:] == ["Bearer token 6", "Bearer token 7"], "and not for ever"


@pytest.mark.parametrize(
    ("response", "error"),
    [
        (httpx2.Response(404, json={"code": "x.y", "detail": "none"}), Refused),
        (httpx2.Response(504, json={"code": "vehicle.no_response", "status": 504}), NoAnswer),
        (httpx2.Response(502, text="<html>"), Refused),
        (httpx2.Response(200, text="<html>"), Unreadable),
    ],
)
async def test_what_is_no_good_answer_is_an_error(
    response: httpx2.Response, error: type[Exception], autojump_clock: trio.testing.MockClock
) -> None:
    with pytest.raises(error) as raised:
        await Gateway(lambda _: response).api().get("/connectors/u", Connector)
    if isinstance(raised.value, Refused):
        assert raised.value.status == response.status_code


async def test_a_download_is_refused_before_it_begins(
    autojump_clock: trio.testing.MockClock,
) -> None:
    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(404, json={"code": "recording.unknown", "detail": "none"})

    api = Gateway(answer).api()
    with pytest.raises(Refused, match="none"):
        async with api.download("/sessions/s/recording"):
            pytest.fail("began")


async def test_a_gateway_that_is_gone_is_named(autojump_clock: trio.testing.MockClock) -> None:
    def answer(_: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("refused")

    api = Gateway(answer).api()
    with pytest.raises(Unreachable, match="http://gateway: refused"):
        await api.get("/connectors/u", Connector)


async def test_credentials_that_are_refused(autojump_clock: trio.testing.MockClock) -> None:
    def handle(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(401, json={"code": "identity.client_refused", "status": 401})

    async with (
        new_http(None) as unused,
        httpx2.AsyncClient(transport=httpx2.MockTransport(handle)) as http,
    ):
        assert not unused.trust_env
        with pytest.raises(SignInRefused):
            await OperatorApi(PROFILE, http).token()
