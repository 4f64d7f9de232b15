"""``python -m benchmarks.peers.tcp_relay``: raw Trio TCP, the limit of what Python can relay.

Two ports, both with :mod:`benchmarks.peers.framing`. A connector's first body is its number, and
is answered by an empty one: from then on the operator can reach it. What follows goes to the
operator as it is, with the number in front; what the operator sends has a connector's number in
front. An empty body of a connector is a keep-alive.
"""

from __future__ import annotations

import argparse
from functools import partial

import trio

from benchmarks.peers.framing import Splitter, framed, numbered, u32
from benchmarks.peers.outbox import Outbox


class TcpRelay:
    """The connectors by number, and what waits for the operator."""

    def __init__(self) -> None:
        self._connectors: dict[int, trio.SocketStream] = {}
        self._outbox: Outbox[bytes] = Outbox()

    async def connector(self, stream: trio.SocketStream) -> None:
        """Serve one connector until it goes."""
        splitter, number = Splitter(), -1
        try:
            async for data in stream:
                for body in splitter.feed(data):
                    if body and number < 0:
                        number, _ = numbered(body)
                        # Before it is known to the operator, who writes to the same stream.
                        await stream.send_all(framed(b""))
                        self._connectors[number] = stream
                    elif body:
                        self._outbox.put(framed(u32(number) + body))
        except trio.BrokenResourceError:
            return

    async def operator(self, stream: trio.SocketStream) -> None:
        """Serve the operator until it goes."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._outbox.write, partial(_send, stream))
            splitter = Splitter()
            async for data in stream:
                for body in splitter.feed(data):
                    number, request = numbered(body)
                    await self._connectors[number].send_all(framed(request))
            nursery.cancel_scope.cancel()


async def _send(stream: trio.SocketStream, bodies: list[bytes]) -> None:
    await stream.send_all(b"".join(bodies))


async def _main(connectors: int, operators: int) -> None:
    relay = TcpRelay()
    async with trio.open_nursery() as nursery:
        serve = partial(trio.serve_tcp, host="127.0.0.1")
        await nursery.start(partial(serve, relay.connector, connectors, backlog=4096))
        await nursery.start(partial(serve, relay.operator, operators))
        print("ready", flush=True)


def arguments(name: str) -> argparse.Namespace:
    """Return the ports that a relay is to listen on."""
    parser = argparse.ArgumentParser(prog=name)
    parser.add_argument("connectors", type=int, help="port for connectors")
    parser.add_argument("operators", type=int, help="port for the operator")
    return parser.parse_args()


if __name__ == "__main__":
    given = arguments("tcp_relay")
    trio.run(_main, given.connectors, given.operators)
