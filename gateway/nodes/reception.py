"""The port at which other nodes bring requests, each answered by the application as any other."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import trio

from gateway.config import NodeSettings
from gateway.nodes.sealed import Sealed, StreamLost, answer, notice_loss
from gateway.nodes.visits import Application, Call, Message, Over, Said, Scope, decode, encode
from gateway.runtime.guard import failure_counter, guard
from gateway.runtime.listening import listeners_at
from gateway.runtime.logs import Log
from gateway.runtime.metrics import Metrics

#: Seconds in which whoever dials has to prove that it is a node.
PROVE_WITHIN = 5.0

#: Messages of a request that wait until the application takes them.
WAITING = 16

#: Connections at once; each is a request of somebody, or waits for one.
MOST_CONNECTIONS = 8192


class Reception:
    """Owned by the application; :meth:`run` is its service.

    Args:
        application: answers.
        secrets: of these nodes: the present one and those before it.
        settings: where to listen.
        log: a line for each connection that fails.
        metrics: counts requests, and connections that fail.
        stopping: set by :meth:`stop`; whoever knows it can end what would last for ever.
    """

    def __init__(
        self,
        application: Application,
        secrets: Sequence[bytes],
        settings: NodeSettings,
        log: Log,
        metrics: Metrics,
        stopping: trio.Event,
    ) -> None:
        self._application = application
        self._secrets = secrets
        self._settings = settings
        self._open = 0
        self._busy = 0
        self._quiet = trio.Event()
        self._stopping = stopping
        self._requests = metrics.counter("node_requests", "Requests brought by other nodes")
        self._handler = guard(self.handle, name="node", log=log, counter=failure_counter(metrics))

    async def run(self, *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED) -> None:
        """Answer until stopped; reports ``host:port`` for other nodes.

        What is being answered when it is told to stop is answered still.

        Raises:
            OSError: the address cannot be bound.
        """
        settings = self._settings
        kept = await listeners_at(settings.host, settings.port, setting="node")
        port = kept[0].socket.getsockname()[1]
        host = settings.advertise or settings.host
        name = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        async with trio.open_nursery() as connections:
            async with trio.open_nursery() as accepting:
                serve = partial(trio.serve_listeners, self._handler, kept)
                await accepting.start(partial(serve, handler_nursery=connections))
                task_status.started(name)
                await self._stopping.wait()
                accepting.cancel_scope.cancel()
            while self._busy:
                self._quiet = trio.Event()
                await self._quiet.wait()
            connections.cancel_scope.cancel()

    def stop(self) -> None:
        """Take no more requests, and let :meth:`run` return when the last is answered."""
        self._stopping.set()

    async def handle(self, stream: trio.abc.Stream) -> None:
        """Serve one connection until the other node hangs up."""
        if self._open >= MOST_CONNECTIONS:
            return
        self._open += 1
        notice_loss(stream)
        try:
            with trio.fail_after(PROVE_WITHIN):
                sealed = await answer(stream, self._secrets)
                first = await sealed.receive()
            while first is not None:
                match decode(first):
                    case Call(scope):
                        self._requests.inc()
                        await self._answer(scope, sealed)
                    case Said() | Over():
                        raise StreamLost("an answer where a request was due")
                first = await sealed.receive()
        finally:
            self._open -= 1

    async def _answer(self, scope: Scope, sealed: Sealed) -> None:
        self._busy += 1
        try:
            await _Request(scope, sealed).run(self._application)
        finally:
            self._busy -= 1
            self._quiet.set()


class _Request:
    """One request on a connection."""

    def __init__(self, scope: Scope, sealed: Sealed) -> None:
        self._scope = _restored(scope)
        self._sealed = sealed
        self._put, self._get = trio.open_memory_channel[Message](WAITING)
        self._asked = trio.Event()

    async def run(self, application: Application) -> None:
        """Answer; both sides have said everything when it returns."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._listen, nursery.cancel_scope)
            await application(self._scope, self._receive, self._send)
            await self._sealed.send(encode(Over()))
            self._put.close()
            await self._asked.wait()

    async def _listen(self, whole: trio.CancelScope) -> None:
        while True:
            data = await self._sealed.receive()
            if data is None:
                # The other node is gone, and with it whoever asked.
                whole.cancel()
                return
            match decode(data):
                case Said(message):
                    await self._take(message)
                case Over():
                    self._asked.set()
                    return
                case Call():
                    raise StreamLost("a second request within the first")

    async def _take(self, message: Message) -> None:
        try:
            await self._put.send(message)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return  # the application has answered and reads no more

    async def _receive(self) -> Message:
        try:
            return await self._get.receive()
        except trio.EndOfChannel:
            kind = "websocket" if self._scope["type"] == "websocket" else "http"
            return {"type": f"{kind}.disconnect"}

    async def _send(self, message: Message) -> None:
        await self._sealed.send(encode(Said(dict(message))))


def _restored(scope: Scope) -> Scope:
    """Return a scope as servers hand it over: msgpack knows no tuples."""
    restored = dict(scope)
    for name in ("client", "server"):
        if restored.get(name) is not None:
            restored[name] = tuple(restored[name])
    restored["headers"] = [(bytes(name), bytes(value)) for name, value in scope["headers"]]
    return restored
