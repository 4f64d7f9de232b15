"""The client's websocket against gateways that misbehave."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
import trio.testing
import trustme
from trio_websocket import (
    ConnectionClosed,
    WebSocketConnection,
    WebSocketRequest,
    serve_websocket,
)

from gateway.client.connection import Pauses, dial
from gateway.client.errors import (
    Interrupted,
    NoAnswer,
    Problem,
    Refused,
    SignInRefused,
    Unreachable,
    Unreadable,
    read_problem,
    refusal,
)
from gateway.client.records import Response, convert, read
from gateway.client.socket import OperatorSocket
from gateway.client.streams import NewsStream
from tests.support.link_world import until

Talk = Callable[[WebSocketConnection], Awaitable[None]]


@asynccontextmanager
async def served(
    talk: Talk, *, reject: int = 0, tls: ssl.SSLContext | None = None
) -> AsyncIterator[str]:
    """Be a gateway that says what the test wants; gives its address."""

    async def handle(request: WebSocketRequest) -> None:
        if reject:
            await request.reject(reject)
            return
        try:
            await talk(await request.accept())
        except ConnectionClosed:
            return

    async with trio.open_nursery() as nursery:
        server = await nursery.start(serve_websocket, handle, "localhost", 0, tls)
        yield f"{'ws' if tls is None else 'wss'}://localhost:{server.port}/ws/operator?batch=1"
        nursery.cancel_scope.cancel()


class Tokens:
    """Gives a new token each time that one was forgotten."""

    def __init__(self) -> None:
        self.forgotten: list[str] = []
        self.refused = False

    async def token(self) -> str:
        await trio.lowlevel.checkpoint()
        if self.refused:
            raise SignInRefused(Problem(code="identity.client_refused", detail="no"))
        return f"token {len(self.forgotten)}"


@asynccontextmanager
async def running(url: str, tokens: Tokens | None = None) -> AsyncIterator[OperatorSocket]:
    tokens = tokens or Tokens()
    socket = OperatorSocket(url, tokens.token, tokens.forgotten.append, None)
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(socket.run)
            yield socket
            socket.stop()


async def echo(websocket: WebSocketConnection) -> None:
    while True:
        message = json.loads(await websocket.get_message())
        await websocket.send_message(json.dumps([{"action": "pong", "id": message["id"]}]))


@pytest.mark.parametrize(
    "noise",
    [
        "",
        "{",
        "[1, null]",
        '{"action":"news"}',
        '{"id":"x"}',
        '{"id":[]}',
        '{"action":"error","session":[],"error":{"status":"?"}}',
        '{"action":"unsubscribed","session":{}}',
        "[" * 2000,
        b"",
        b"\x00",
        bytes(40),
    ],
)
async def test_noise_does_no_harm(noise: str | bytes) -> None:
    async def talk(websocket: WebSocketConnection) -> None:
        await websocket.send_message(noise)
        await echo(websocket)

    async with served(talk) as url, running(url) as socket:
        assert (await socket.ask({"action": "ping"}))["action"] == "pong"
        assert (await socket.ask({"action": "ping"}))["action"] == "pong"


async def test_news_have_ids_of_their_own() -> None:
    async def talk(websocket: WebSocketConnection) -> None:
        message = json.loads(await websocket.get_message())
        news = {"action": "news", "session": "s", "kind": "chat", "id": message["id"]}
        await websocket.send_message(json.dumps(news))
        await websocket.send_message(json.dumps({"action": "subscribed", "id": message["id"]}))
        await echo(websocket)

    stream = NewsStream()
    async with served(talk) as url, running(url) as socket:
        await socket.subscribe({"action": "subscribe", "session": "s", "stream": "news"}, stream)
        assert (await stream.receive())["kind"] == "chat"


async def test_a_refusal_is_the_questions_own() -> None:
    async def talk(websocket: WebSocketConnection) -> None:
        message = json.loads(await websocket.get_message())
        problem = {"code": "vehicle.no_response", "status": 504, "detail": "silence"}
        await websocket.send_message(json.dumps({"id": message["id"], "error": problem}))
        await echo(websocket)

    async with served(talk) as url, running(url) as socket:
        with pytest.raises(NoAnswer, match="silence") as refused:
            await socket.ask({"action": "exchange"})
        assert refused.value.code == "vehicle.no_response"
        await socket.ask({"action": "ping"})


async def test_a_token_that_is_not_taken_is_forgotten() -> None:
    tokens = Tokens()

    async def talk(websocket: WebSocketConnection) -> None:
        if not tokens.forgotten:
            await websocket.aclose(4401, "token.expired")
        await echo(websocket)

    async with served(talk) as url, running(url, tokens) as socket:
        await until(lambda: tokens.forgotten == ["token 0"])
        assert (await socket.ask({"action": "ping"}))["action"] == "pong"


async def test_who_is_refused_for_good_is_told_at_once() -> None:
    tokens = Tokens()
    tokens.refused = True
    stream = NewsStream()
    async with running("ws://localhost:1/", tokens) as socket:
        with pytest.raises(SignInRefused):
            await socket.ask({"action": "ping"})
        with pytest.raises(SignInRefused):
            await socket.subscribe({"session": "s", "stream": "news"}, stream)


async def test_a_question_on_its_way_is_not_repeated() -> None:
    heard: list[Any] = []

    async def talk(websocket: WebSocketConnection) -> None:
        message = json.loads(await websocket.get_message())
        heard.append(message["action"])
        if message["action"] == "exchange":
            await websocket.aclose()
        else:
            await websocket.send_message(json.dumps({"id": message["id"]}))
            await echo(websocket)

    async with served(talk) as url, running(url) as socket:
        with pytest.raises(Interrupted, match="not known whether"):
            await socket.ask({"action": "exchange"})
        await socket.ask({"action": "ping"})
    assert heard == ["exchange", "ping"]


# --- connections -------------------------------------------------------------------------------


async def test_a_server_that_is_no_gateway_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.client.socket.PATIENCE", 0.3)
    async with served(echo, reject=404) as url, running(url) as socket:
        with pytest.raises(Unreachable, match="HTTP status 404"):
            await socket.ask({"action": "ping"})


async def test_a_certificate_is_checked(nursery: trio.Nursery) -> None:
    authority = trustme.CA()
    server, client = (
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH),
        ssl.create_default_context(),
    )
    authority.issue_cert("localhost").configure_cert(server)
    async with served(echo, tls=server) as url:
        with pytest.raises(Unreachable, match="certificate"):
            await dial(nursery, url, "token", client)
        authority.configure_trust(client)
        line = await dial(nursery, url, "token", client)
        await line.send('{"id": 1}')
        assert json.loads(await line.receive()) == [{"action": "pong", "id": 1}]
        await line.aclose()


async def test_pauses_grow_to_a_bound(autojump_clock: trio.testing.MockClock) -> None:
    pauses = Pauses()
    began = trio.current_time()
    for _ in range(60):
        await pauses.wait()
    assert trio.current_time() - began < 60 * Pauses.LONGEST
    pauses.restart()
    began = trio.current_time()
    await pauses.wait()
    assert trio.current_time() - began <= Pauses.FIRST


# --- what answers are --------------------------------------------------------------------------


def test_a_proxys_page_is_a_refusal_too() -> None:
    problem = read_problem(b"<html>Bad gateway</html>", 502)
    assert (problem.code, problem.status) == ("http.502", 502)
    assert isinstance(refusal(problem), Refused)


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b'{"ecu": 1}', b'{"ecu":1,"data":"0","negative":null}']
)
def test_what_is_no_answer_says_so(data: bytes) -> None:
    with pytest.raises(Unreadable, match="not what a gateway says"):
        read(data, Response)
    with pytest.raises(Unreadable):
        convert([], Response)
