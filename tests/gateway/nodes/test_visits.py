from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest
import trio
from structlog.typing import FilteringBoundLogger

from gateway.bus.line import NoLine
from gateway.bus.notices import Notices
from gateway.config import NodeSettings
from gateway.nodes import sealed
from gateway.nodes import visits as module
from gateway.nodes.peers import Peer, Peers
from gateway.nodes.reception import Reception
from gateway.nodes.sealed import StreamLost
from gateway.nodes.visits import Application, Message, Receive, Scope, Send, Visits
from gateway.runtime.metrics import Metrics
from tests.support.link_world import until

SECRET = b"s" * 32
SCOPE: Scope = {
    "type": "http",
    "method": "POST",
    "path": "/x",
    "query_string": b"a=1",
    "headers": [(b"host", b"example"), (b"authorization", b"Bearer t")],
    "client": ("192.0.2.1", 4711),
    "server": ("127.0.0.1", 8080),
    "extensions": {"websocket.http.response": {}, "own": {"call": print}},
    "state": object(),
}


class Nodes:
    """A node that is dialled, and one that dials."""

    def __init__(
        self, application: Application, log: FilteringBoundLogger, secret: bytes = SECRET
    ) -> None:
        self.metrics = Metrics()
        self.reception = Reception(
            application, (secret,), NodeSettings(), log, self.metrics, trio.Event()
        )
        self.peers = Peers(Notices(NoLine(), "a-00000001", log), 10.0)
        self.visits = Visits(self.peers, SECRET)
        self.peer = Peer("b-00000002", "", draining=False, heard=0.0)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Nodes]:
        async with trio.open_nursery() as nursery:
            address: str = await nursery.start(self.reception.run)
            self.peer = Peer("b-00000002", address, draining=False, heard=0.0)
            await nursery.start(self.visits.run)
            yield self
            nursery.cancel_scope.cancel()

    def accepted(self) -> float:
        value = self.metrics.registry.get_sample_value("gateway_node_requests_total")
        return value or 0.0


class Client:
    """Whoever asks: says what it is given, keeps what it hears."""

    def __init__(self, *said: Message) -> None:
        self.said = list(said)
        self.heard: list[Message] = []
        self.gone = trio.Event()

    async def receive(self) -> Message:
        if self.said:
            return self.said.pop(0)
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        self.heard.append(message)

    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.heard)


def body(data: bytes, *, more: bool = False) -> Message:
    return {"type": "http.request", "body": data, "more_body": more}


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with what was asked."""
    whole = b""
    while True:
        message = await receive()
        whole += message["body"]
        if not message["more_body"]:
            break
    told = repr([scope["path"], scope["client"], scope["headers"], scope["extensions"]]).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x", b"y")]})
    await send({"type": "http.response.body", "body": told, "more_body": True})
    await send({"type": "http.response.body", "body": whole, "more_body": False})


async def test_a_request_is_answered_as_if_it_had_come_there(log: FilteringBoundLogger) -> None:
    async with Nodes(echo, log).running() as nodes:
        client = Client(body(b"one ", more=True), body(b"two"))
        with trio.fail_after(20):
            await nodes.visits.visit(nodes.peer, SCOPE, client.receive, client.send)
        assert client.heard[0]["status"] == 200
        told = client.body().decode()
        assert told.endswith("one two")
        for carried in ("'/x'", "('192.0.2.1', 4711)", "(b'authorization', b'Bearer t')"):
            assert carried in told
        assert "own" not in told


async def test_one_connection_serves_one_request_after_the_other(
    log: FilteringBoundLogger, monkeypatch: pytest.MonkeyPatch
) -> None:
    dialled = []
    original = sealed.dial

    async def counting(stream: trio.abc.Stream, secret: bytes) -> object:
        dialled.append(stream)
        return await original(stream, secret)

    monkeypatch.setattr(module, "dial", counting)
    async with Nodes(echo, log).running() as nodes:
        with trio.fail_after(20):
            for number in range(5):
                client = Client(body(b"%d" % number))
                await nodes.visits.visit(nodes.peer, SCOPE, client.receive, client.send)
                assert client.body().endswith(b"%d" % number)
            assert len(dialled) == 1
            async with trio.open_nursery() as nursery:
                for _ in range(5):
                    client = Client(body(b"x"))
                    visit = partial(nodes.visits.visit, nodes.peer, SCOPE)
                    nursery.start_soon(visit, client.receive, client.send)
        assert 1 < len(dialled) <= 5
        assert nodes.accepted() == 10


async def test_a_client_that_leaves_ends_the_work_there(log: FilteringBoundLogger) -> None:
    ended = trio.Event()

    async def endless(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        assert (await receive())["type"] == "http.disconnect"
        ended.set()

    async with Nodes(endless, log).running() as nodes:
        client = Client(body(b""))
        with trio.fail_after(20):
            async with trio.open_nursery() as nursery:
                visit = partial(nodes.visits.visit, nodes.peer, SCOPE)
                nursery.start_soon(visit, client.receive, client.send)
                await until(lambda: bool(client.heard), within=20)
                client.gone.set()
                await ended.wait()


async def test_a_visit_that_is_cancelled_ends_the_work_there(log: FilteringBoundLogger) -> None:
    begun, ended = trio.Event(), trio.Event()

    async def endless(scope: Scope, receive: Receive, send: Send) -> None:
        begun.set()
        try:
            await trio.sleep_forever()
        finally:
            ended.set()

    async with Nodes(endless, log).running() as nodes:
        client = Client(body(b""))
        with trio.fail_after(20):
            async with trio.open_nursery() as nursery:
                visit = partial(nodes.visits.visit, nodes.peer, SCOPE)
                nursery.start_soon(visit, client.receive, client.send)
                await begun.wait()
                nursery.cancel_scope.cancel()
            await ended.wait()


async def test_a_node_without_a_sign_of_life_is_waited_for_no_more(
    log: FilteringBoundLogger,
) -> None:
    begun = trio.Event()

    async def hanging(scope: Scope, receive: Receive, send: Send) -> None:
        begun.set()
        await trio.sleep_forever()

    async with Nodes(hanging, log).running() as nodes:
        client = Client(body(b""))

        async def give_up() -> None:
            await begun.wait()
            for tell in nodes.peers.on_leave:
                tell(nodes.peer.node)

        with trio.fail_after(20):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(give_up)
                with pytest.raises(StreamLost, match="sign of life"):
                    await nodes.visits.visit(nodes.peer, SCOPE, client.receive, client.send)


async def test_the_kernel_is_asked_to_notice_a_machine_that_is_gone() -> None:
    [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        host, port = listener.socket.getsockname()[:2]
        async with await trio.open_tcp_stream(host, port) as stream:
            sealed.notice_loss(stream)
            kept = stream.getsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_KEEPALIVE)
    assert kept == 1


async def test_an_application_that_fails_breaks_its_own_request_alone(
    log: FilteringBoundLogger,
) -> None:
    async def failing(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/x":
            raise RuntimeError("a mistake")
        await echo(scope, receive, send)

    async with Nodes(failing, log).running() as nodes:
        client, other = Client(body(b"")), Client(body(b"fine"))
        with trio.fail_after(20):
            with pytest.RaisesGroup(StreamLost):
                await nodes.visits.visit(nodes.peer, SCOPE, client.receive, client.send)
            scope = {**SCOPE, "path": "/y"}
            await nodes.visits.visit(nodes.peer, scope, other.receive, other.send)
        assert other.body().endswith(b"fine")


@pytest.mark.parametrize("address", ["", "127.0.0.1:1"])
async def test_a_node_that_is_not_there_is_an_error_at_once(
    log: FilteringBoundLogger, address: str
) -> None:
    nodes, client = Nodes(echo, log), Client(body(b""))
    peer = Peer("b-00000002", address, draining=False, heard=0.0)
    with trio.fail_after(20), pytest.raises(StreamLost):
        await nodes.visits.visit(peer, SCOPE, client.receive, client.send)
    assert client.heard == []


async def test_a_node_with_another_secret_takes_nothing(log: FilteringBoundLogger) -> None:
    async with Nodes(echo, log, secret=b"o" * 32).running() as nodes:
        client = Client(body(b""))
        with trio.fail_after(20), pytest.RaisesGroup(StreamLost, allow_unwrapped=True):
            await nodes.visits.visit(nodes.peer, SCOPE, client.receive, client.send)
        assert nodes.accepted() == 0
