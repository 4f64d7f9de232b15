from __future__ import annotations

from typing import Any

import trio
from trio.testing import wait_all_tasks_blocked

from gateway.web.draining import DrainingApp

#: Any: ASGI messages are dictionaries of many shapes.
Message = dict[str, Any]


class _Asgi:
    """A server's side of one ASGI connection, and an application that waits."""

    def __init__(self, kind: str) -> None:
        self.sent: list[Message] = []
        self.was_cancelled = False
        self.scope: Any = {"type": kind}
        self.opening: list[Message] = []

    async def receive(self) -> Any:
        await trio.sleep_forever()

    async def send(self, message: Any) -> None:
        self.sent.append(message)

    async def app(self, _scope: Any, _receive: Any, send: Any) -> None:
        for message in self.opening:
            await send(message)
        try:
            await trio.sleep_forever()
        except trio.Cancelled:
            self.was_cancelled = True
            raise
        finally:
            with trio.CancelScope(shield=True):
                await send({"type": "websocket.send", "text": "a last word"})

    async def drain(self) -> None:
        draining = trio.Event()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(
                DrainingApp(self.app, draining), self.scope, self.receive, self.send
            )
            await wait_all_tasks_blocked()
            draining.set()
            await wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()


async def test_an_open_websocket_gets_1012_and_then_nothing() -> None:
    asgi = _Asgi("websocket")
    asgi.opening = [{"type": "websocket.accept"}]
    await asgi.drain()
    assert [message["type"] for message in asgi.sent] == ["websocket.accept", "websocket.close"]
    assert asgi.sent[-1]["code"] == 1012
    assert asgi.was_cancelled


async def test_a_websocket_that_closed_itself_is_not_closed_again() -> None:
    asgi = _Asgi("websocket")
    asgi.opening = [{"type": "websocket.accept"}, {"type": "websocket.close", "code": 4001}]
    await asgi.drain()
    assert [message.get("code") for message in asgi.sent] == [None, 4001]


async def test_an_upgrade_under_way_is_given_up_without_a_close() -> None:
    asgi = _Asgi("websocket")
    await asgi.drain()
    assert "websocket.close" not in [message["type"] for message in asgi.sent]
    assert asgi.was_cancelled


async def test_a_request_is_left_alone() -> None:
    asgi = _Asgi("http")
    draining = trio.Event()
    draining.set()
    finished = False
    async with trio.open_nursery() as nursery:
        nursery.start_soon(DrainingApp(asgi.app, draining), asgi.scope, asgi.receive, asgi.send)
        await wait_all_tasks_blocked()
        finished = asgi.was_cancelled
        nursery.cancel_scope.cancel()
    assert not finished
    assert asgi.sent == [{"type": "websocket.send", "text": "a last word"}]
