"""Answers that come before the body: the next request is served, or the connection ends."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from urllib.parse import urlsplit

import pytest
import trio
from quart import Response
from quart_trio import QuartTrio

from gateway.config import HttpSettings
from gateway.domain.errors import NotFound
from gateway.runtime.logs import Log
from gateway.runtime.metrics import Metrics
from gateway.web import problems
from gateway.web.problems import WORTH_READING
from gateway.web.server import serve_http

pytestmark = pytest.mark.slow


@asynccontextmanager
async def connected(log: Log) -> AsyncIterator[trio.SocketStream]:
    app = QuartTrio("test")
    problems.install(app, log)

    @app.post("/refused")
    async def refused() -> Response:
        raise NotFound("thing.unknown", "There is none.")

    @app.post("/content")
    async def content() -> Response:
        return Response(b"quick")

    settings, draining = HttpSettings(port=0), trio.Event()
    serve = partial(serve_http, app, settings, log=log, metrics=Metrics(), draining=draining)
    async with trio.open_nursery() as nursery:
        url = urlsplit(await nursery.start(serve))
        stream = await trio.open_tcp_stream("127.0.0.1", url.port or 0)
        async with stream:
            yield stream
        nursery.cancel_scope.cancel()


async def ask(stream: trio.SocketStream, path: str, size: int) -> bytes | None:
    """Send a head and, later, its body; return the answer, ``None`` when there is none."""
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n"
    with trio.fail_after(20):
        try:
            await stream.send_all(head.encode())
            await trio.sleep(0.03)
            await stream.send_all(b"x" * size)
            answer = b""
            while not answer.endswith((b"}", b"quick")):
                if not (more := await stream.receive_some()):
                    return None
                answer += more
            return answer
        except trio.BrokenResourceError:
            return None


async def test_a_refusal_before_the_body_leaves_the_connection_good(log: Log) -> None:
    async with connected(log) as stream:
        for _ in range(5):
            answer = await ask(stream, "/refused", 400)
            assert answer is not None
            assert answer.startswith(b"HTTP/1.1 404 ")


@pytest.mark.parametrize("size", [400, WORTH_READING + 1])
async def test_a_connection_whose_body_nobody_read_ends(log: Log, size: int) -> None:
    async with connected(log) as stream:
        path = "/content" if size == 400 else "/refused"
        await ask(stream, path, size)
        # Not a request that is never answered, whatever came of the first one.
        assert await ask(stream, path, size) is None
