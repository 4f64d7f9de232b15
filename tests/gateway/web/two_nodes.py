"""A node that brings requests to another, without anything between them."""

from __future__ import annotations

from collections.abc import Callable

import trio
from structlog.typing import FilteringBoundLogger
from typing_extensions import override

from gateway.bus.notices import Notices
from gateway.nodes.peers import Peer, Peers
from gateway.nodes.sealed import StreamLost
from gateway.nodes.visits import Application, Message, Receive, Scope, Send, Visits
from tests.support.line_room import Room

#: The other node, and ids of sessions there and here.
OTHER = "b-00000002"
THERE, HERE = "00000002" + "b" * 24, "00000001" + "a" * 24


class DirectVisits(Visits):
    """Takes requests to an application in this process.

    Attributes:
        application: the other node's.
        lost: breaks every visit, now and from now on.
        visits: paths that were brought there.
    """

    def __init__(self, peers: Peers, application: Application) -> None:
        super().__init__(peers, b"s" * 32)
        self.application = application
        self.lost = trio.Event()
        self.visits: list[str] = []

    @override
    async def visit(self, peer: Peer, scope: Scope, receive: Receive, send: Send) -> None:
        assert peer.node == OTHER
        self.visits.append(scope["path"])
        async with trio.open_nursery() as nursery:
            if self.lost.is_set():
                raise StreamLost("the other node is gone")
            nursery.start_soon(self._break)
            await self.application(scope, receive, send)
            nursery.cancel_scope.cancel()

    async def _break(self) -> None:
        await self.lost.wait()
        raise StreamLost("the other node is gone")


def peers_with_other(log: FilteringBoundLogger) -> Peers:
    """Return what a node knows that has heard of the other."""
    room = Room()
    notices = Notices(room.line(), "a-00000001", log)
    peers = Peers(notices, 10.0)
    notices.heard(_beat(log))
    return peers


def _beat(log: FilteringBoundLogger) -> bytes:
    said: list[bytes] = []

    class Written:
        def say(self, message: bytes) -> bool:
            said.append(message)
            return True

        run: Callable[..., object]

    notices = Notices(Written(), OTHER, log)  # type: ignore[arg-type] # says alone
    other = Peers(notices, 10.0)
    other.address = "127.0.0.1:1"
    notices.up()
    return said[0]


class Client:
    """Whoever asks: says what it is given, keeps what it hears."""

    def __init__(self, *said: Message) -> None:
        self.put, self._said = trio.open_memory_channel[Message](64)
        self._hear, self.heard = trio.open_memory_channel[Message](64)
        for message in said:
            self.put.send_nowait(message)

    async def receive(self) -> Message:
        return await self._said.receive()

    async def send(self, message: Message) -> None:
        self._hear.send_nowait(message)

    def all(self) -> list[Message]:
        """Return what it has heard."""
        heard = []
        while True:
            try:
                heard.append(self.heard.receive_nowait())
            except trio.WouldBlock:
                return heard
