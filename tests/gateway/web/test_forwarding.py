from __future__ import annotations

import json
from typing import Any

import pytest
import trio
from structlog.typing import FilteringBoundLogger

from gateway.domain.errors import Elsewhere
from gateway.nodes.visits import Message, Receive, Scope, Send
from gateway.web import forwarding
from gateway.web.forwarding import Forwarding
from gateway.web.problems import problem_of
from tests.gateway.web.two_nodes import (
    HERE,
    OTHER,
    THERE,
    Client,
    DirectVisits,
    peers_with_other,
)
from tests.support.link_world import settle


def scope_of(path: str, method: str = "GET") -> Scope:
    return {"type": "http", "method": method, "path": path, "headers": []}


def body(data: bytes = b"") -> Message:
    return {"type": "http.request", "body": data, "more_body": False}


class Node:
    """An application that says who it is and what it was asked."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.asked: list[bytes] = []
        self.refusal: Elsewhere | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked.append((await receive())["body"])
        if self.refusal is not None:
            problem = problem_of(self.refusal)
            headers = [(k.encode(), v.encode()) for k, v in problem.headers.items()]
            await say(send, 503, {"detail": problem.detail}, headers)
        elif scope["path"] == "/operator/v1/sessions":
            await say(send, 200, {"result": [{"id": self.name}], "total": 1})
        else:
            await say(send, 200, {"node": self.name})


async def say(send: Send, status: int, answer: object, headers: object = ()) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(answer).encode()})


class Pair:
    """Two nodes, and what is asked at the first."""

    def __init__(self, log: FilteringBoundLogger) -> None:
        self.here, self.there = Node("here"), Node("there")
        self.peers = peers_with_other(log)
        self.visits = DirectVisits(self.peers, self.there)
        self.front = Forwarding(self.here, "00000001", self.peers, self.visits, log)

    async def ask(
        self, path: str, method: str = "GET", data: bytes = b""
    ) -> tuple[int, dict[bytes, bytes], Any]:
        client = Client(body(data))
        await self.front(scope_of(path, method), client.receive, client.send)
        start, *rest = client.all()
        text = b"".join(message.get("body", b"") for message in rest)
        return start["status"], dict(start["headers"]), json.loads(text)


@pytest.fixture
async def pair(log: FilteringBoundLogger) -> Pair:
    return Pair(log)


@pytest.mark.parametrize(
    ("path", "node"),
    [
        (f"/operator/v1/sessions/{THERE}", "there"),
        (f"/operator/v1/sessions/{THERE}/exchanges", "there"),
        (f"/operator/v1/sessions/{HERE}/exchanges", "here"),
        # Of a node that nobody knows (any more), and of nothing at all.
        (f"/operator/v1/sessions/{'0f' * 16}", "here"),
        ("/operator/v1/sessions/x", "here"),
        ("/operator/v1/connectors", "here"),
        # Ids mean something where sessions are, and nowhere else.
        (f"/v1/sessions/{THERE}", "here"),
    ],
)
async def test_a_sessions_requests_go_to_its_node(pair: Pair, path: str, node: str) -> None:
    status, _, answer = await pair.ask(path, "POST", b"{}")
    assert (status, answer) == (200, {"node": node})
    assert pair.here.asked + pair.there.asked == [b"{}"]


async def test_what_names_a_connector_is_tried_here_and_goes_where_that_is(pair: Pair) -> None:
    pair.here.refusal = Elsewhere(OTHER)
    status, headers, answer = await pair.ask("/operator/v1/tickets", "POST", b"open")
    assert (status, answer) == (200, {"node": "there"})
    assert pair.here.asked == pair.there.asked == [b"open"]
    assert b"gateway-node" not in {name.lower() for name in headers}


async def test_nobody_is_sent_on_twice(pair: Pair) -> None:
    pair.here.refusal = pair.there.refusal = Elsewhere(OTHER)
    status, headers, _ = await pair.ask("/operator/v1/tickets", "POST", b"open")
    assert status == 503
    assert pair.visits.visits == ["/operator/v1/tickets"]
    assert headers[b"Retry-After"] == b"2"


async def test_a_body_too_long_to_keep_is_refused_and_not_cut(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forwarding, "KEPT_BODY", 10)
    pair.here.refusal = Elsewhere(OTHER)
    status, _, answer = await pair.ask("/operator/v1/tickets", "POST", b"x" * 11)
    assert status == 503
    assert "Try again" in answer["detail"]
    assert pair.there.asked == []


async def test_a_node_that_does_not_answer_is_503_with_advice(pair: Pair) -> None:
    pair.visits.lost.set()
    status, headers, answer = await pair.ask(f"/operator/v1/sessions/{THERE}")
    assert status == answer["status"] == 503
    assert (answer["code"], headers[b"retry-after"]) == ("node.lost", b"2")
    assert answer["instance"] == f"/operator/v1/sessions/{THERE}"


async def test_an_answer_that_breaks_off_is_not_passed_off_as_whole(pair: Pair) -> None:
    async def half(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        pair.visits.lost.set()
        await trio.sleep_forever()

    pair.visits.application = half
    client = Client(body())
    with pytest.raises(ExceptionGroup):
        await pair.front(scope_of(f"/operator/v1/sessions/{THERE}"), client.receive, client.send)


async def test_sessions_are_listed_of_all_nodes(pair: Pair) -> None:
    _, headers, answer = await pair.ask("/operator/v1/sessions")
    assert answer == {"result": [{"id": "here"}, {"id": "there"}], "total": 2}
    assert headers[b"content-type"] == b"application/json"
    pair.visits.lost.set()
    assert (await pair.ask("/operator/v1/sessions"))[2]["total"] == 1


async def test_whoever_may_not_ask_here_is_not_asked_for_elsewhere(pair: Pair) -> None:
    async def stranger(scope: Scope, receive: Receive, send: Send) -> None:
        await say(send, 401, {"code": "token.missing"})

    pair.front = Forwarding(stranger, "00000001", pair.peers, pair.visits, pair.front._log)
    status, _, answer = await pair.ask("/operator/v1/sessions")
    assert (status, answer) == (401, {"code": "token.missing"})
    assert pair.visits.visits == []


async def test_one_node_alone_asks_nobody(pair: Pair) -> None:
    pair.peers._peers.clear()
    status, _, answer = await pair.ask(f"/operator/v1/sessions/{THERE}")
    assert (status, answer) == (200, {"node": "here"})


async def test_a_websocket_outlasts_being_the_only_node(pair: Pair) -> None:
    async def echo(scope: Scope, receive: Receive, send: Send) -> None:
        while (message := await receive())["type"] != "websocket.disconnect":
            if message["type"] == "websocket.receive":
                await send({"type": "websocket.send", "text": f"{scope['path']}!"})

    peers, kept = pair.peers._peers, dict(pair.peers._peers)
    peers.clear()
    pair.visits.application = echo
    front = Forwarding(echo, "00000001", pair.peers, pair.visits, pair.front._log)
    client = Client({"type": "websocket.connect"})
    scope: Scope = {"type": "websocket", "path": "/ws/operator", "headers": []}
    async with trio.open_nursery() as nursery:
        nursery.start_soon(front, scope, client.receive, client.send)
        await settle()
        peers.update(kept)
        asked = json.dumps({"action": "exchange", "session": THERE, "id": 1})
        await client.put.send({"type": "websocket.receive", "text": asked})
        with trio.fail_after(20):
            assert (await client.heard.receive())["text"] == "/ws/operator!"
        assert pair.visits.visits == ["/ws/operator"]
        nursery.cancel_scope.cancel()
