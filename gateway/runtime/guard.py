"""An exception of one connection closes that connection, and nothing else.

Trio is strict: an exception in a connection's task goes up into the nursery of the listener and
cancels every other connection with it. With both of the servers this product builds on, a few
bytes from an unauthenticated peer raise one. So every accepted connection runs under
:func:`guard`.

``trio.Cancelled``, ``KeyboardInterrupt`` and the like pass through, also out of a group that
holds them together with ordinary exceptions (which happens at shutdown).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import PurePath
from traceback import extract_tb
from typing import Any, TypeVar

import trio
from prometheus_client import Counter

from gateway.runtime.logs import Log
from gateway.runtime.metrics import Metrics

#: Seconds a forced close may take. It only closes a file descriptor; the bound is for streams
#: that misbehave, and for the promise that shielded cleanup always ends.
CLOSE_DEADLINE = 2.0

S = TypeVar("S", bound=trio.abc.AsyncResource)

Handler = Callable[[S], Awaitable[None]]


def failure_counter(metrics: Metrics) -> Counter:
    """Return the counter that every guard counts into, by door and kind of exception."""
    return metrics.counter(
        "connection_failures", "Connections ended by an exception", ("door", "error")
    )


def guard(handler: Handler[S], *, name: str, log: Log, counter: Counter) -> Handler[S]:
    """Wrap a per-connection ``handler`` so that nothing it raises gets past it.

    Args:
        handler: serves one connection; may close its stream or leave that to the guard.
        name: the door, as it appears in log lines and in the counter.
        log: gets one line for each failed connection.
        counter: from :func:`failure_counter`.

    Returns:
        A handler that ends with the stream closed, whatever happens.
    """

    async def guarded(stream: S) -> None:
        peer = peer_of(stream)
        try:
            await handler(stream)
        except* Exception as group:  # noqa: BLE001 - the connection boundary
            first = _first(group)
            counter.labels(name, type(first).__name__).inc()
            _report(log.bind(door=name, peer=peer), first)
        finally:
            with trio.move_on_after(CLOSE_DEADLINE, shield=True):
                await trio.aclose_forcefully(stream)

    return guarded


async def close_now(stream: trio.abc.AsyncResource) -> None:
    """Close without a farewell, shielded and bounded; a stream that is closed stays so."""
    with trio.move_on_after(CLOSE_DEADLINE, shield=True):
        await trio.aclose_forcefully(stream)


def peer_of(stream: object) -> str:
    """Return ``address:port`` of the peer, or ``?`` where the stream does not know it."""
    host, port = _peer(stream)
    if not host:
        return "?"
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def address_of(stream: object) -> str:
    """Return the peer's address without its port; empty where the stream does not know it."""
    return _peer(stream)[0]


def _peer(stream: object) -> tuple[str, int]:
    # Any: TLS and plain streams share no type that has a socket.
    transport: Any = getattr(stream, "transport_stream", stream)
    try:
        host, port, *_ = transport.socket.getpeername()
    except (AttributeError, OSError, ValueError):
        return "", 0
    return str(host), int(port)


def _report(log: Log, error: BaseException) -> None:
    # One line: anybody on the network can cause this one, as often as they like.
    frames = extract_tb(error.__traceback__)
    where = f"{PurePath(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
    log.warning(
        "connection failed", error=type(error).__name__, reason=str(error)[:200], where=where
    )
    log.debug("connection failed: traceback", exc_info=error)


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
