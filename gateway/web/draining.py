"""Tells every open websocket that the server goes away: close code 1012, then no more.

Hypercorn alone would cut them, which the peer sees as 1006 and cannot tell from a broken network.
With 1012 ("service restart", RFC 6455 registry) a client knows to come back, and when.

It wraps the whole application, so that no websocket handler has to remember it.
"""

from __future__ import annotations

from typing import Final

import trio
from hypercorn.typing import (
    ASGIFramework,
    ASGIReceiveCallable,
    ASGISendCallable,
    ASGISendEvent,
    Scope,
    WebsocketCloseEvent,
)

SERVICE_RESTART: Final = 1012


class DrainingApp:
    """An ASGI application that ends its websockets when ``draining`` is set."""

    def __init__(self, app: ASGIFramework, draining: trio.Event) -> None:
        self._app = app
        self._draining = draining

    async def __call__(
        self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        if scope["type"] != "websocket":
            await self._app(scope, receive, send)
            return
        line = _Line(send)
        async with trio.open_nursery() as nursery:

            async def end_when_draining() -> None:
                await self._draining.wait()
                await line.close()
                nursery.cancel_scope.cancel()

            nursery.start_soon(end_when_draining)
            await self._app(scope, receive, line.send)
            nursery.cancel_scope.cancel()


class _Line:
    """What goes out on one websocket; nothing does after a close."""

    def __init__(self, send: ASGISendCallable) -> None:
        self._send = send
        self._is_open = False
        self._is_closed = False

    async def send(self, message: ASGISendEvent) -> None:
        if self._is_closed:
            return
        self._is_open |= message["type"] == "websocket.accept"
        self._is_closed = message["type"] == "websocket.close"
        await self._send(message)

    async def close(self) -> None:
        if self._is_open and not self._is_closed:
            self._is_closed = True
            reason = "The service restarts: connect again"
            await self._send(
                WebsocketCloseEvent(type="websocket.close", code=SERVICE_RESTART, reason=reason)
            )
