"""Many websockets that follow one ticket, in a process of their own.

Prints ``ready`` once each has had its first update; then, when each has been told another state,
the moments at which they were told, as JSON, on the clock that all processes share.
"""

from __future__ import annotations

import argparse
import json
import resource
import time

import msgspec
import trio
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Message, Request, TextMessage

#: Handshakes at once: a crowd that knocks all together measures the listen queue.
KNOCKING = 64


class Crowd:
    """All subscribers, and what they were told.

    Args:
        port: of the gateway on this machine.
        token: of somebody at the garage.
        ticket: what they follow.
        size: how many they are.
    """

    def __init__(self, port: int, token: str, ticket: int, size: int) -> None:
        self._port = port
        self._token = token
        self._ticket = ticket
        self._size = size
        self._knocking = trio.Semaphore(KNOCKING)
        self._first = 0
        self.moments: list[float] = []
        self._told = trio.Event()

    async def follow(self) -> None:
        """Let everybody follow until everybody was told."""
        async with trio.open_nursery() as nursery:
            for _ in range(self._size):
                nursery.start_soon(self._one)
            await self._told.wait()
            nursery.cancel_scope.cancel()

    async def _one(self) -> None:
        async with self._knocking:
            stream = await trio.open_tcp_stream("127.0.0.1", self._port)
            socket = WSConnection(ConnectionType.CLIENT)
            asked = Request(
                host="127.0.0.1",
                target="/ws/customer",
                extra_headers=[(b"Authorization", f"Bearer {self._token}".encode())],
            )
            await stream.send_all(socket.send(asked))
            await self._subscribe(stream, socket)
        async with stream:
            before = await self._next(stream, socket)
            self._first += 1
            if self._first == self._size:
                print("ready", flush=True)
            while await self._next(stream, socket) == before:
                pass
            self.moments.append(time.monotonic())
            await self._wait_for_all()
            await stream.send_all(socket.send(CloseConnection(code=1000)))

    async def _subscribe(self, stream: trio.SocketStream, socket: WSConnection) -> None:
        while True:
            socket.receive_data(await stream.receive_some())
            if any(isinstance(event, AcceptConnection) for event in socket.events()):
                break
        wanted = {"action": "subscribeToTicket", "ticket_id": self._ticket}
        await stream.send_all(socket.send(Message(data=json.dumps(wanted))))

    async def _next(self, stream: trio.SocketStream, socket: WSConnection) -> int:
        """Return the state that the next update tells."""
        while True:
            for event in socket.events():
                if isinstance(event, TextMessage):
                    return int(msgspec.json.decode(event.data)["message"]["state"])
            data = await stream.receive_some()
            if not data:
                raise ConnectionError("the gateway closed a subscriber")
            socket.receive_data(data)

    async def _wait_for_all(self) -> None:
        if len(self.moments) == self._size:
            # Before they leave: what a farewell costs the gateway is no part of the fan-out.
            print(f"told {json.dumps(self.moments)}", flush=True)
            self._told.set()
        await self._told.wait()


def main() -> None:
    """Follow, and print what came of it once everybody was told."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers.subscribers")
    parser.add_argument("port", type=int)
    parser.add_argument("token")
    parser.add_argument("ticket", type=int)
    parser.add_argument("size", type=int)
    given = parser.parse_args()
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    crowd = Crowd(given.port, given.token, given.ticket, given.size)
    trio.run(crowd.follow)


if __name__ == "__main__":
    main()
