"""Hypercorn on Trio, with a guard around every connection and a stop that loses nothing.

Hypercorn's own ``serve`` lets an exception of one connection end the process. Its parts are
therefore put together here: our accept loop, the guard, then Hypercorn's connection. Hypercorn is
pinned exactly; ``tests/gateway/web/test_server.py`` sends what is known to kill the original.

Stopping, once ``draining`` is set: stop accepting; close websockets with 1012 and idle connections
at once; let running requests finish within ``settings.drain``; cut what is left.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, cast

import trio
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.trio.lifespan import Lifespan
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import AppWrapper, ASGIFramework, LifespanState

from gateway.config import HttpSettings
from gateway.runtime.guard import CLOSE_DEADLINE, close_now, failure_counter, guard
from gateway.runtime.listening import listeners_at
from gateway.runtime.logs import Log
from gateway.runtime.metrics import Metrics
from gateway.web.connection import Connection, Stream
from gateway.web.draining import DrainingApp
from gateway.web.server_config import ServerConfig

Listener = trio.SocketListener | trio.SSLListener[trio.SocketStream]

#: Connections the kernel may hold for us while we are busy.
_BACKLOG = 256


async def serve_http(
    app: ASGIFramework,
    settings: HttpSettings,
    *,
    log: Log,
    metrics: Metrics,
    draining: trio.Event,
    task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve ``app`` until ``draining`` is set and everything has ended, or until cancelled.

    Reports the URL that reaches it, with the real port where ``settings.port`` is 0.

    Raises:
        OSError: the address cannot be bound, or a certificate file cannot be read.
    """
    config = ServerConfig(settings, log, metrics)
    wrapped = ASGIWrapper(DrainingApp(app, draining))
    async with _lifespan(wrapped, config) as state:
        listeners = await _listen(settings)
        door = _Door(wrapped, config, state, settings, metrics)
        handler = guard(door.serve, name="http", log=log, counter=failure_counter(metrics))
        async with trio.open_nursery() as connections:
            try:
                await _accept(handler, listeners, connections, settings, draining, task_status)
                await door.context.terminated.set()
                with trio.move_on_after(settings.drain):
                    await door.wait_empty()
            finally:
                connections.cancel_scope.cancel()
                # Also wakes writers that Hypercorn's shield keeps from being cancelled.
                with trio.move_on_after(CLOSE_DEADLINE, shield=True):
                    await door.close_all()


async def _accept(
    handler: Any,  # trio's own annotation of a handler is looser than a guard's
    listeners: Sequence[Listener],
    connections: trio.Nursery,
    settings: HttpSettings,
    draining: trio.Event,
    task_status: trio.TaskStatus[str],
) -> None:
    """Accept until ``draining`` is set; connections live on in their own nursery."""
    async with trio.open_nursery() as accepting:
        # Any: trio asks for listeners of one kind; ours are all plain or all TLS.
        same: list[Any] = list(listeners)
        serve = partial(trio.serve_listeners, handler, same, handler_nursery=connections)
        await accepting.start(serve)
        task_status.started(_url(settings, listeners))
        await draining.wait()
        accepting.cancel_scope.cancel()


class _Door:
    """The accepted connections of one server."""

    def __init__(
        self,
        app: AppWrapper,
        config: ServerConfig,
        state: LifespanState,
        settings: HttpSettings,
        metrics: Metrics,
    ) -> None:
        self.context = WorkerContext(None)
        self._app = app
        self._config = config
        self._state = state
        self._settings = settings
        self._streams: set[Stream] = set()
        self._left = trio.Event()
        self._refused = metrics.counter("http_connections_refused", "Connections over the limit")
        metrics.gauge("http_connections_open", "HTTP connections").set_function(
            lambda: len(self._streams)
        )

    async def serve(self, stream: Stream) -> None:
        """Serve one connection; the guard around it closes the stream."""
        if len(self._streams) >= self._settings.max_connections:
            self._refused.inc()
            return
        self._streams.add(stream)
        try:
            await Connection(
                self._app,
                self._config,
                self.context,
                self._state.copy(),
                stream,
                send_timeout=self._settings.send_timeout,
            ).run()
        finally:
            self._streams.discard(stream)
            self._left.set()

    async def wait_empty(self) -> None:
        """Wait until no connection is left."""
        while self._streams:
            self._left = trio.Event()
            await self._left.wait()

    async def close_all(self) -> None:
        """Close every connection at once."""
        for stream in tuple(self._streams):
            await close_now(stream)


@asynccontextmanager
async def _lifespan(app: AppWrapper, config: ServerConfig) -> AsyncIterator[LifespanState]:
    """Tell the application that it starts and ends, as ASGI has it; Quart-Trio relies on it."""
    state: LifespanState = {}
    lifespan = Lifespan(app, config, state)
    async with trio.open_nursery() as nursery:
        await nursery.start(lifespan.handle_lifespan)
        await lifespan.wait_for_startup()
        yield state
        await lifespan.wait_for_shutdown()
        nursery.cancel_scope.cancel()


async def _listen(settings: HttpSettings) -> list[Listener]:
    opened = await listeners_at(settings.host, settings.port, setting="http", backlog=_BACKLOG)
    if settings.certificate is None or settings.private_key is None:
        return list(opened)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["h2", "http/1.1"])
    context.load_cert_chain(settings.certificate, settings.private_key)
    return [trio.SSLListener(listener, context, https_compatible=True) for listener in opened]


def _url(settings: HttpSettings, listeners: Iterable[Listener]) -> str:
    listener = next(iter(listeners))
    is_tls = isinstance(listener, trio.SSLListener)
    sockets = listener.transport_listener if isinstance(listener, trio.SSLListener) else listener
    port = cast("trio.SocketListener", sockets).socket.getsockname()[1]
    # "Everywhere" is no place to connect to.
    host = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.host)  # noqa: S104
    host = host or (f"[{settings.host}]" if ":" in settings.host else settings.host)
    return f"{'https' if is_tls else 'http'}://{host}:{port}"
