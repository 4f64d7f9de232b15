from __future__ import annotations

from functools import partial

import pytest
import trio
from structlog.testing import CapturingLogger
from structlog.typing import FilteringBoundLogger

from gateway.nodes import reception
from gateway.nodes.visits import Receive, Scope, Send
from tests.gateway.nodes.test_visits import SCOPE, Client, Nodes, body, echo


async def test_strangers_are_told_nothing_and_end_nobody(
    log: FilteringBoundLogger, logged: CapturingLogger
) -> None:
    async with Nodes(echo, log).running() as nodes:
        host, port = nodes.peer.address.rsplit(":", 1)
        with trio.fail_after(20):
            stream = await trio.open_tcp_stream(host, int(port))
            async with stream:
                await stream.send_all(b"GET / HTTP/1.1\r\nHost: example.test\r\n\r\n")
                assert await stream.receive_some() == b""
            client = Client(body(b"still there"))
            await nodes.visits.visit(nodes.peer, SCOPE, client.receive, client.send)
        assert client.body().endswith(b"still there")
        assert nodes.accepted() == 1
    assert any(call.kwargs.get("door") == "node" for call in logged.calls)


async def test_who_does_not_prove_to_be_a_node_is_cut_off(
    log: FilteringBoundLogger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reception, "PROVE_WITHIN", 0.05)
    async with Nodes(echo, log).running() as nodes:
        host, port = nodes.peer.address.rsplit(":", 1)
        with trio.fail_after(20):
            async with await trio.open_tcp_stream(host, int(port)) as stream:
                assert await stream.receive_some() == b""


async def test_what_is_being_answered_when_it_stops_is_answered_still(
    log: FilteringBoundLogger,
) -> None:
    asked, may_answer = trio.Event(), trio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        asked.set()
        await may_answer.wait()
        await echo(scope, receive, send)

    nodes, client = Nodes(slow, log), Client(body(b"late"))
    with trio.fail_after(20):
        async with nodes.running(), trio.open_nursery() as nursery:
            nursery.start_soon(
                partial(nodes.visits.visit, nodes.peer, SCOPE), client.receive, client.send
            )
            await asked.wait()
            nodes.reception.stop()
            await trio.sleep(0.01)
            host, port = nodes.peer.address.rsplit(":", 1)
            with pytest.raises(OSError, match="connect"):
                await trio.open_tcp_stream(host, int(port))
            may_answer.set()
    assert client.body().endswith(b"late")
