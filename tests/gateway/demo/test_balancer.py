from __future__ import annotations

from functools import partial

import trio

from gateway.demo.balancer import Balancer

#: Port 1 has no service on any machine that runs tests.
NOBODY = "ws://127.0.0.1:1/link/v1"


async def greet(stream: trio.SocketStream, name: bytes) -> None:
    await stream.send_all(name + await stream.receive_some())


async def ask(url: str) -> bytes:
    host, port = url.removeprefix("ws://").split("/")[0].split(":")
    async with await trio.open_tcp_stream(host, int(port)) as stream:
        await stream.send_all(b"!")
        answer = b""
        while data := await stream.receive_some():
            answer += data
        return answer


async def listen(nursery: trio.Nursery, name: bytes) -> str:
    [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
    handler = partial(greet, name=name)
    await nursery.start(partial(trio.serve_listeners, handler, [listener]))
    return f"ws://127.0.0.1:{listener.socket.getsockname()[1]}/link/v1"


async def test_the_first_that_answers_serves() -> None:
    async with trio.open_nursery() as nursery:
        first, second = await listen(nursery, b"first"), await listen(nursery, b"second")
        with trio.fail_after(20):
            url: str = await nursery.start(Balancer([first, second]).run)
            assert url.endswith("/link/v1")
            assert await ask(url) == b"first!"
            url = await nursery.start(Balancer([NOBODY, second]).run)
            assert await ask(url) == b"second!"
        nursery.cancel_scope.cancel()


async def test_where_nobody_answers_the_connection_ends() -> None:
    async with trio.open_nursery() as nursery:
        url: str = await nursery.start(Balancer([NOBODY]).run)
        with trio.fail_after(20):
            try:
                answer = await ask(url)
            except trio.BrokenResourceError:
                answer = b""
        assert answer == b""
        nursery.cancel_scope.cancel()
