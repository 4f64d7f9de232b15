"""Portals that ask for the same thing again and again, over connections that stay."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import trio

#: Connections that ask side by side; more than an application's threads, as with many portals.
CONNECTIONS = 16


def on_core(core: int, command: Sequence[str]) -> list[str]:
    """Return a command line that runs on one core alone, threads included."""
    start = f"import os,sys;os.sched_setaffinity(0,{{{core}}});os.execv(sys.argv[1],sys.argv[1:])"
    return [sys.executable, "-c", start, *command]


def cores() -> tuple[int, int]:
    """Return the core for who is measured, and that of who measures; the same if there is one."""
    mine = sorted(os.sched_getaffinity(0))
    return mine[0], mine[-1]


class Polling:
    """Asks for one address as often as it is answered.

    Args:
        port: on this machine.
        path: what is asked for.
        headers: name and value.
        status: what every answer must have.
    """

    def __init__(self, port: int, path: str, headers: dict[str, str], status: int) -> None:
        lines = [f"GET {path} HTTP/1.1", "Host: 127.0.0.1"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self._request = ("\r\n".join(lines) + "\r\n\r\n").encode()
        self._port = port
        self._expected = f"HTTP/1.1 {status} ".encode()

    async def run(self, seconds: float, connections: int = CONNECTIONS) -> list[float]:
        """Ask for so long; return how many seconds each answer took.

        Raises:
            RuntimeError: something else was answered.
        """
        samples: list[float] = []
        async with trio.open_nursery() as nursery:
            until = trio.current_time() + seconds
            for _ in range(connections):
                nursery.start_soon(self._ask, until, samples)
        return samples

    async def _ask(self, until: float, samples: list[float]) -> None:
        async with await trio.open_tcp_stream("127.0.0.1", self._port) as stream:
            while (began := trio.current_time()) < until:
                await stream.send_all(self._request)
                await self._answer(stream)
                samples.append(trio.current_time() - began)

    async def _answer(self, stream: trio.SocketStream) -> None:
        data = b""
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += await _more(stream)
        if not data.startswith(self._expected):
            raise RuntimeError(f"expected {self._expected!r}: {data[:300]!r}")
        length = _length(data[:end])
        while len(data) < end + 4 + length:
            data += await _more(stream)


async def _more(stream: trio.SocketStream) -> bytes:
    data = await stream.receive_some()
    if not data:
        raise RuntimeError("the connection was closed instead of answered")
    return data


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0
