"""Listens for connectors: TCP or TLS, every connection under the guard."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import trio

from gateway.config import LinkSettings
from gateway.links.accept import accept_paced
from gateway.links.port import PATH, LinkPort
from gateway.runtime.guard import failure_counter, guard
from gateway.runtime.listening import listeners_at
from gateway.runtime.logs import Log
from gateway.runtime.metrics import Metrics

#: Longest wait in the kernel's listen queue, seconds: a connector that gives a dial up after 30
#: is still there when its turn comes. Whoever finds the queue full tries again by TCP's own
#: back-off (RFC 6298: after 1, 3, 7 and 15 s), which costs neither side anything.
QUEUE_SECONDS = 8.0

#: Seconds for which Linux keeps a connection to itself until the peer has said something; both
#: TLS and websockets begin with the client. Whoever connects and keeps silent takes no place then.
#: When the queue overflows this matters the more: of a connection that finds room later we would
#: else get an empty shell, seconds before the peer's TCP repeats what it has said.
SILENCE = 10

#: Connections the queue holds at most; Linux keeps to net.core.somaxconn, which is 4096.
LONGEST_QUEUE, SHORTEST_QUEUE = 4096, 64

Listener = trio.SocketListener | trio.SSLListener[trio.SocketStream]


class LinkListener:
    """The service ``links``: owns the listening sockets and every link's task.

    Args:
        port: handles a connection.
        settings: address and certificates.
        log: one line for each connection that fails.
        metrics: counts them.
    """

    def __init__(self, port: LinkPort, settings: LinkSettings, log: Log, metrics: Metrics) -> None:
        self._port = port
        self._settings = settings
        self._log = log
        self._handler = guard(port.handle, name="link", log=log, counter=failure_counter(metrics))
        self._stopping = trio.Event()

    async def run(self, *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until stopped; reports the URL connectors dial.

        Raises:
            OSError: the address cannot be bound.
        """
        listeners = await self._listen()
        async with trio.open_nursery() as connections:
            async with trio.open_nursery() as accepting:
                for listener in listeners:
                    accepting.start_soon(self._accept, listener, connections)
                task_status.started(self._url(listeners[0]))
                await self._stopping.wait()
                accepting.cancel_scope.cancel()
            # Every link says goodbye; the service's own bound cuts those that hang. Whoever has
            # not proved anything yet has no claim to a farewell.
            self._port.registry.disconnect_all("the gateway restarts")
            self._port.turn_strangers_out()

    async def _accept(self, listener: Any, connections: trio.Nursery) -> None:  # as in _listen()
        admission = self._port.admission
        await accept_paced(listener, self._handler, connections, admission, self._log)

    def stop(self) -> None:
        """Accept no more, say goodbye to everybody, then end."""
        self._stopping.set()

    # Any: of Listener; trio types a handler by one kind of stream, and ours takes both.
    async def _listen(self) -> list[Any]:
        settings = self._settings
        waiting = backlog(settings.accept_rate)
        plain = await listeners_at(settings.host, settings.port, setting="link", backlog=waiting)
        for listener in plain:
            _let_them_speak_first(listener)
        if settings.certificate is None or settings.private_key is None:
            return list(plain)
        context = tls_context(settings.certificate, settings.private_key, settings.client_ca)
        return [trio.SSLListener(listener, context, https_compatible=True) for listener in plain]

    def _url(self, listener: Listener) -> str:
        secure = isinstance(listener, trio.SSLListener)
        # A TLS listener keeps the one below it; its static type does not say which kind.
        plain: Any = getattr(listener, "transport_listener", listener)
        host, port, *_ = plain.socket.getsockname()
        name = f"[{host}]" if ":" in host else host
        return f"{'wss' if secure else 'ws'}://{name}:{port}{PATH}"


def _let_them_speak_first(listener: trio.SocketListener) -> None:
    option = getattr(trio.socket, "TCP_DEFER_ACCEPT", None)
    if option is not None:  # Linux alone has it
        listener.socket.setsockopt(trio.socket.IPPROTO_TCP, option, SILENCE)


def backlog(rate: float) -> int:
    """Return how many connections may wait in the kernel when so many are accepted a second."""
    return min(max(round(rate * QUEUE_SECONDS), SHORTEST_QUEUE), LONGEST_QUEUE)


def tls_context(
    certificate: Path, private_key: Path, client_ca: Path | None = None
) -> ssl.SSLContext:
    """Return a server's TLS context: TLS 1.2 at least, no compression.

    Args:
        certificate: PEM file with the chain.
        private_key: PEM file with its key.
        client_ca: PEM file of the authority of client certificates. They stay optional, because
            a connector may prove itself with its key as well; one by another authority ends the
            handshake.

    Raises:
        OSError: a file cannot be read.
        ssl.SSLError: the files do not belong together.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, private_key)
    if client_ca is not None:
        context.load_verify_locations(cafile=client_ca)
        context.verify_mode = ssl.CERT_OPTIONAL
    return context
