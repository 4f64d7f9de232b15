"""Requests that another node has to answer, carried there and back as they are.

What goes over is a request as the HTTP server hands it to an application (ASGI's scope and
messages), and whatever the application there answers: so everything that works on a connector
works across nodes, REST and websockets, and nothing about it is written twice. The other node
checks the caller's token like that of any other request.

One connection carries one request at a time, and waits for the next one then: so each has the
flow control of TCP to itself, and a websocket that nobody reads stalls nobody else.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import trio

from gateway.nodes.peers import Peer, Peers
from gateway.nodes.sealed import Sealed, StreamLost, dial, notice_loss

# Any: ASGI's own dictionaries; their members are the business of server and application.
Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

#: Seconds for a connection to another node on the same network.
CONNECT_WITHIN = 2.0

#: Connections to one node that wait for their next request.
MOST_IDLE = 64

#: Members of a scope that make sense on another node; the rest are objects of this one.
_CARRIED = (
    "type",
    "asgi",
    "http_version",
    "method",
    "scheme",
    "path",
    "raw_path",
    "query_string",
    "root_path",
    "headers",
    "client",
    "server",
    "subprotocols",
)

#: The one extension that is a promise and nothing else: a websocket may be refused with an answer.
_REFUSALS = "websocket.http.response"


class Call(msgspec.Struct, tag="call", array_like=True, frozen=True):
    """A request begins."""

    scope: dict[str, Any]  # as ASGI has it


class Said(msgspec.Struct, tag="said", array_like=True, frozen=True):
    """One message of server or application."""

    message: dict[str, Any]  # as ASGI has it


class Over(msgspec.Struct, tag="over", array_like=True, frozen=True):
    """This side has said everything of this request."""


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Call | Said | Over)


def encode(message: Call | Said | Over) -> bytes:
    """Return the bytes of a message."""
    return _encoder.encode(message)


def decode(data: bytes) -> Call | Said | Over:
    """Return the message that the bytes are.

    Raises:
        StreamLost: they are none.
    """
    try:
        message: Call | Said | Over = _decoder.decode(data)
    except msgspec.DecodeError as error:
        raise StreamLost(f"not understood: {error}") from error
    return message


class Visits:
    """Owns the connections to other nodes.

    Args:
        peers: the other nodes.
        secret: that all of them share.
    """

    def __init__(self, peers: Peers, secret: bytes) -> None:
        self._secret = secret
        self._idle: defaultdict[str, list[Sealed]] = defaultdict(list)
        self._open: defaultdict[str, set[trio.CancelScope]] = defaultdict(set)
        peers.on_leave.append(self._drop)

    async def visit(self, peer: Peer, scope: Scope, receive: Receive, send: Send) -> None:
        """Let another node answer a request.

        Raises:
            StreamLost: that node cannot be reached, or was lost on the way; what ``send`` got
                until then it has got.
        """
        with trio.CancelScope() as until_gone:
            self._open[peer.node].add(until_gone)
            try:
                await self._visit(peer, scope, receive, send)
            finally:
                self._open[peer.node].discard(until_gone)
        if until_gone.cancelled_caught:
            raise StreamLost("the other node gives no sign of life any more")

    async def _visit(self, peer: Peer, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._connection(peer) as sealed:
            await sealed.send(encode(Call(_carried(scope))))
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_take_there, receive, sealed)
                await _bring_back(sealed, send)
                nursery.cancel_scope.cancel()
            if not sealed.torn:
                await sealed.send(encode(Over()))

    @asynccontextmanager
    async def _connection(self, peer: Peer) -> AsyncIterator[Sealed]:
        idle = self._idle[peer.node]
        sealed = idle.pop() if idle else await self._dial(peer)
        kept = False
        try:
            yield sealed
            kept = (
                not sealed.torn
                and len(idle) < MOST_IDLE
                and self._idle.get(peer.node) is idle  # it was not forgotten meanwhile
            )
            if kept:
                idle.append(sealed)
        finally:
            if not kept:
                _forget(sealed.stream)

    async def _dial(self, peer: Peer) -> Sealed:
        host, _, port = peer.address.rpartition(":")
        if not host:
            raise StreamLost("that node cannot be reached yet")
        try:
            with trio.fail_after(CONNECT_WITHIN):
                stream = await trio.open_tcp_stream(host.strip("[]"), int(port))
        except (OSError, trio.TooSlowError) as error:
            raise StreamLost(f"{peer.node} does not answer at {peer.address}") from error
        notice_loss(stream)
        try:
            with trio.fail_after(CONNECT_WITHIN):
                return await dial(stream, self._secret)
        except trio.TooSlowError as error:
            _forget(stream)
            raise StreamLost(f"{peer.node} does not answer as a node does") from error
        except BaseException:
            _forget(stream)
            raise

    def _drop(self, node: str) -> None:
        # A machine that lost its power says nothing to those who wait for it.
        for until_gone in self._open.pop(node, set()):
            until_gone.cancel()
        for sealed in self._idle.pop(node, []):
            _forget(sealed.stream)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Keep connections for the next request until cancelled, then close them."""
        task_status.started()
        try:
            await trio.sleep_forever()
        finally:
            for node in list(self._idle):
                for sealed in self._idle.pop(node):
                    _forget(sealed.stream)


def _forget(stream: trio.abc.Stream) -> None:
    """Close a socket at once; nothing here waits for a farewell."""
    if isinstance(stream, trio.SocketStream):
        stream.socket.close()


def _carried(scope: Scope) -> dict[str, Any]:  # Any: as ASGI has it
    carried = {name: scope[name] for name in _CARRIED if name in scope}
    offered = scope.get("extensions") or {}
    carried["extensions"] = {_REFUSALS: {}} if _REFUSALS in offered else {}
    return carried


async def _take_there(receive: Receive, sealed: Sealed) -> None:
    """Carry what comes until cancelled, or until the client is gone."""
    while True:
        message = await receive()
        await sealed.send(encode(Said(dict(message))))
        if message["type"].endswith(".disconnect"):
            return


async def _bring_back(sealed: Sealed, send: Send) -> None:
    while True:
        data = await sealed.receive()
        if data is None:
            raise StreamLost("the other node ended in the middle")
        match decode(data):
            case Said(message):
                await send(message)
            case Over():
                return
            case Call():
                raise StreamLost("a request where an answer was due")
