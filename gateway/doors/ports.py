"""Ports for doors: out of the configured range, or any that is free."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import trio

from gateway.config import DoorSettings
from gateway.domain.errors import Unavailable

#: How often another free port is tried where the one of TCP is taken for UDP.
_TRIES = 32

#: A port that cannot be had; the next one may do.
_TAKEN = frozenset({errno.EADDRINUSE, errno.EACCES})


@dataclass(frozen=True, slots=True)
class Ports:
    """Bound sockets under one number; :meth:`close` or the door's own end closes them.

    Attributes:
        listener: TCP.
        udp: for identification; ``None`` where nobody needs it.
        port: of both.
    """

    listener: trio.SocketListener
    udp: trio.socket.SocketType | None
    port: int

    def close(self) -> None:
        """Close both; twice is fine."""
        self.listener.socket.close()
        if self.udp is not None:
            self.udp.close()


async def open_ports(settings: DoorSettings, *, udp: bool) -> Ports:
    """Bind a port, for UDP as well where that is asked for.

    Raises:
        Unavailable: no port of the range is free.
        OSError: the address is none of this machine.
    """
    for number in _numbers(settings):
        try:
            listener = await _listen(settings.host, number)
        except OSError as error:
            if error.errno not in _TAKEN:
                raise
            continue
        try:
            return await _complete(listener, udp=udp)
        except OSError as error:
            listener.socket.close()
            if error.errno not in _TAKEN:
                raise
    raise Unavailable(
        "door.no_port",
        "Every port for doors is taken. Close a door, or have doors.last_port raised.",
        retry_after=30,
    )


def _numbers(settings: DoorSettings) -> Iterator[int]:
    if settings.first_port:
        yield from range(settings.first_port, settings.last_port + 1)
    else:
        yield from (0,) * _TRIES


async def _listen(host: str, number: int) -> trio.SocketListener:
    # A name with several addresses would get several ports; one is the promise.
    first, *others = await trio.open_tcp_listeners(number, host=host, backlog=16)
    for listener in others:
        listener.socket.close()
    return first


async def _complete(listener: trio.SocketListener, *, udp: bool) -> Ports:
    address = listener.socket.getsockname()
    port = int(address[1])
    if not udp:
        return Ports(listener, None, port)
    with _closed_on_error(
        trio.socket.socket(listener.socket.family, trio.socket.SOCK_DGRAM)
    ) as it:
        await it.bind((address[0], port))
        return Ports(listener, it, port)


@contextmanager
def _closed_on_error(socket: trio.socket.SocketType) -> Iterator[trio.socket.SocketType]:
    try:
        yield socket
    except BaseException:
        socket.close()
        raise
