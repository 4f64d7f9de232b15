from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from structlog.typing import FilteringBoundLogger

from gateway.nodes.visits import Message, Receive, Scope, Send
from gateway.web.splitting import SplitSocket
from tests.gateway.web.two_nodes import HERE, THERE, Client, DirectVisits, peers_with_other
from tests.support.link_world import settle

SCOPE: Scope = {"type": "websocket", "path": "/ws/operator", "headers": []}


class Node:
    """An application that notes what it hears, and answers what has an id."""

    def __init__(self) -> None:
        self.heard: list[Any] = []
        self.silent = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert scope is SCOPE
        assert (await receive())["type"] == "websocket.connect"
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            data = message.get("bytes")
            self.heard.append(json.loads(message["text"]) if data is None else data)
            if data is None and not self.silent:
                await self._answer(json.loads(message["text"]), send)

    async def _answer(self, said: Any, send: Send) -> None:
        for one in said if isinstance(said, list) else [said]:
            answer = {"action": one["action"], "id": one.get("id"), "session": one.get("session")}
            await send({"type": "websocket.send", "text": json.dumps(answer)})


class Split:
    """One client's websocket at a node with another beside it."""

    def __init__(self, log: FilteringBoundLogger) -> None:
        self.here, self.there = Node(), Node()
        self.peers = peers_with_other(log)
        self.visits = DirectVisits(self.peers, self.there)
        self.client = Client({"type": "websocket.connect"})
        self.socket = SplitSocket(
            self.here,
            self.peers.tagged,
            self.visits,
            SCOPE,
            self.client.receive,
            self.client.send,
        )

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Split]:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.socket.run)
            await settle()
            assert [message["type"] for message in self.client.all()] == ["websocket.accept"]
            yield self
            await self.say_message({"type": "websocket.disconnect", "code": 1000})

    async def say_message(self, message: Message) -> None:
        await self.client.put.send(message)
        await settle()

    async def say(self, document: object) -> None:
        await self.say_message({"type": "websocket.receive", "text": json.dumps(document)})

    def answers(self) -> list[Any]:
        return [json.loads(message["text"]) for message in self.client.all()]


def ask(session: str, number: int, action: str = "exchange", **more: object) -> dict[str, object]:
    return {"action": action, "session": session, "id": number, **more}


@pytest.fixture
async def split(log: FilteringBoundLogger) -> AsyncIterator[Split]:
    async with Split(log).open() as opened:
        yield opened


async def test_each_message_goes_to_the_node_of_its_session(split: Split) -> None:
    await split.say(ask(HERE, 1))
    await split.say(ask(THERE, 2))
    await split.say({"action": "ping", "id": 3})
    assert split.here.heard == [ask(HERE, 1), {"action": "ping", "id": 3}]
    assert split.there.heard == [ask(THERE, 2)]
    assert [answer["id"] for answer in split.answers()] == [1, 2, 3]
    assert split.visits.visits == ["/ws/operator"]  # one websocket there for all of them


async def test_what_came_together_is_taken_apart(split: Split) -> None:
    await split.say([ask(HERE, 1), ask(THERE, 2), ask(HERE, 3), ask(THERE, 4)])
    assert split.here.heard == [[ask(HERE, 1), ask(HERE, 3)]]
    assert split.there.heard == [[ask(THERE, 2), ask(THERE, 4)]]
    assert {answer["id"] for answer in split.answers()} == {1, 2, 3, 4}


async def test_frames_go_to_the_node_of_their_session(split: Split) -> None:
    for session in (HERE, THERE):
        data = bytes.fromhex(session) + b"frames"
        await split.say_message({"type": "websocket.receive", "bytes": data, "text": None})
    assert split.here.heard == [bytes.fromhex(HERE) + b"frames"]
    assert split.there.heard == [bytes.fromhex(THERE) + b"frames"]


async def test_a_sign_in_by_message_is_repeated_there(split: Split) -> None:
    token = {"action": "authenticate", "access_token": "t"}
    await split.say(token)
    await split.say(ask(THERE, 2))
    assert split.here.heard == [token]
    assert split.there.heard == [token, ask(THERE, 2)]


@pytest.mark.parametrize("text", ["", "[", "{", "[1]", "7", '{"session": 5}', "[" * 5000])
async def test_what_nobody_understands_is_answered_here(split: Split, text: str) -> None:
    message = {"type": "websocket.receive", "text": text}
    assert await split.socket._sort_text(message, text) == message


async def test_a_node_that_is_lost_is_told_of_in_full(split: Split) -> None:
    split.there.silent = True
    await split.say(ask(THERE, 1, request="22F190"))
    await split.say(ask(THERE, 2, "subscribe", stream="news"))
    await split.say(ask(THERE, 3, "subscribe", stream="frames", bus="can0"))
    await split.say(ask(HERE, 4))
    split.client.all()
    split.visits.lost.set()
    await settle()
    told = split.answers()
    errors = {one["id"]: one["error"]["code"] for one in told if "error" in one}
    assert errors == {1: "node.lost", 2: "node.lost", 3: "node.lost"}
    [ended] = [one for one in told if one["action"] == "news"]
    assert (ended["session"], ended["kind"], ended["reason"]) == (THERE, "ended", "node")
    over = [(one["stream"], one["bus"]) for one in told if one["action"] == "unsubscribed"]
    assert over == [("news", ""), ("frames", "can0")]
    # What is here goes on, on the same websocket.
    await split.say(ask(HERE, 5))
    assert [one["id"] for one in split.answers()] == [5]


async def test_what_was_answered_is_not_told_of_again(split: Split) -> None:
    await split.say(ask(THERE, 1))
    assert [one["id"] for one in split.answers()] == [1]
    split.visits.lost.set()
    await settle()
    assert split.answers() == []


async def test_when_the_client_is_gone_so_is_everything(split: Split) -> None:
    await split.say(ask(THERE, 1))
    await split.say_message({"type": "websocket.disconnect", "code": 1000})
    assert split.socket._far == {}
