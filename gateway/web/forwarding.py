"""Takes requests for a connector of another node there; whoever asks need not know of nodes.

A session's id begins with the tag of the node that it lives on, so its requests go there unopened.
What names a connector or a ticket is tried here first: where that ends with
:class:`gateway.domain.errors.Elsewhere`, nothing was done, and the same request goes to the node
that the refusal names. A node that does not answer is a 503 with Retry-After.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import cast

import msgspec
import trio
from hypercorn.typing import ASGIFramework
from quart_trio import QuartTrio

from gateway.nodes.parts import Node
from gateway.nodes.peers import TAG_SIZE, Peer, Peers
from gateway.nodes.sealed import StreamLost
from gateway.nodes.visits import Application, Message, Receive, Scope, Send, Visits
from gateway.runtime.logs import Log
from gateway.web.draining import DrainingApp
from gateway.web.problems import CONTENT_TYPE, NODE_HEADER, problem_of
from gateway.web.splitting import SplitSocket, node_lost

#: Where connectors are worked on.
PREFIX = "/operator/v1/"
SESSIONS = "/operator/v1/sessions"
SOCKET = "/ws/operator"

#: Bytes of a body that is kept until it is known whether it goes elsewhere; none that names a
#: connector is longer.
KEPT_BODY = 1 << 16

_SESSION = re.compile(rf"{SESSIONS}/([0-9a-f]{{{TAG_SIZE}}})[0-9a-f]*(?:/|$)")


def among_others(app: QuartTrio, node: Node, log: Log) -> ASGIFramework:
    """Return the application as clients see it: one gateway, however many nodes it has."""
    if not node.several:
        return cast("ASGIFramework", app)
    # ASGI itself, in the words of Quart, of Hypercorn and of ours.
    here = cast("Application", app)
    return cast("ASGIFramework", Forwarding(here, node.tag, node.peers, node.visits, log))


def for_others(app: QuartTrio, closing: trio.Event) -> Application:
    """Return the application as other nodes see it: this node alone.

    Their websockets are closed when ``closing`` is set.
    """
    return cast("Application", DrainingApp(cast("ASGIFramework", app), closing))


class Forwarding:
    """An ASGI application around another that knows the connectors of this node alone.

    Args:
        application: of this node.
        tag: of this node.
        peers: the other nodes.
        visits: takes requests there.
        log: told of nodes that do not answer.
    """

    def __init__(
        self, application: Application, tag: str, peers: Peers, visits: Visits, log: Log
    ) -> None:
        self._application = application
        self._tag = tag
        self._peers = peers
        self._visits = visits
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, here or elsewhere."""
        path = scope.get("path", "")
        if scope["type"] == "websocket" and path == SOCKET:
            # Also where there is no other node yet: the websocket may outlast that.
            await SplitSocket(
                self._application, self._find, self._visits, scope, receive, send
            ).run()
        elif scope["type"] == "http" and len(self._peers) and path.startswith(PREFIX):
            await self._request(scope, receive, send)
        else:
            await self._application(scope, receive, send)

    def _find(self, tag: str) -> Peer | None:
        return None if tag == self._tag else self._peers.tagged(tag)

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        named = _SESSION.match(scope["path"])
        peer = self._find(named[1]) if named else None
        if peer is not None:
            await self._forward(peer, scope, receive, send)
        elif scope["path"] == SESSIONS and scope["method"] == "GET":
            await self._list(scope, receive, send)
        else:
            await self._try_here(scope, receive, send)

    async def _try_here(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = _Body(receive)
        answer = _Answer(send)
        await self._application(scope, body.receive, answer.send)
        peer = None if answer.node is None else self._peers.find(answer.node)
        if peer is not None and body.is_whole:
            await self._forward(peer, scope, body.again, send)
        else:
            await answer.let_go()

    async def _forward(self, peer: Peer, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def noticing(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._visits.visit(peer, scope, receive, noticing)
        except* StreamLost as lost:
            self._log.warning("node does not answer", node=peer.node, error=_first(lost))
            if begun:
                raise  # an answer in two halves: the connection breaks, and tells it so
            await _refuse(scope, send)

    async def _list(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the sessions of all nodes; of one that does not answer nobody knows any."""
        here = _Gathered()
        await self._application(scope, receive, here.send)
        if here.status != 200:
            await here.let_go(send)
            return
        lists = [here]
        async with trio.open_nursery() as nursery:
            for peer in self._peers:
                there = _Gathered()
                lists.append(there)
                nursery.start_soon(self._ask, peer, scope, there)
        sessions = [it for one in lists for it in one.result()]
        body = msgspec.json.encode({"result": sessions, "total": len(sessions)})
        await _answer(send, 200, {"content-type": "application/json"}, body)

    async def _ask(self, peer: Peer, scope: Scope, there: _Gathered) -> None:
        try:
            await self._visits.visit(peer, scope, _Nothing().receive, there.send)
        except* StreamLost as lost:
            self._log.warning("node does not answer", node=peer.node, error=_first(lost))


class _Body:
    """A request's body as it comes, kept to be read again."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._kept: list[Message] = []
        self._size = 0
        self._again: Iterator[Message] | None = None

    @property
    def is_whole(self) -> bool:
        """What was read so far can be read again."""
        return self._size <= KEPT_BODY

    async def receive(self) -> Message:
        """Return the next message."""
        message = await self._receive()
        if message["type"] == "http.request":
            self._size += len(message.get("body", b""))
            if self.is_whole:
                self._kept.append(message)
        return message

    async def again(self) -> Message:
        """Return the messages once more from the first, then those that follow."""
        self._again = self._again or iter(self._kept)
        kept = next(self._again, None)
        return await self._receive() if kept is None else kept


class _Answer:
    """An answer on its way out, held back where it names another node."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._held: list[Message] = []
        self.node: str | None = None

    async def send(self, message: Message) -> None:
        """Pass a message on, or hold it back."""
        if message["type"] == "http.response.start" and message["status"] == 503:
            self.node = _node_in(message)
        if self.node is None:
            await self._send(message)
        else:
            self._held.append(message)

    async def let_go(self) -> None:
        """Pass on what was held back."""
        for message in self._held:
            await self._send(message)


class _Gathered:
    """A short answer as a whole."""

    def __init__(self) -> None:
        self._messages: list[Message] = []

    async def send(self, message: Message) -> None:
        """Keep a message."""
        self._messages.append(message)

    @property
    def status(self) -> int:
        """Its HTTP status, 0 while there is none."""
        return int(self._messages[0]["status"]) if self._messages else 0

    def result(self) -> list[msgspec.Raw]:
        """Return the items of the list that it is; none where it is an error."""
        if self.status != 200:
            return []
        body = b"".join(message.get("body", b"") for message in self._messages)
        return msgspec.json.decode(body, type=_Sessions).result

    async def let_go(self, send: Send) -> None:
        """Pass it on as it is."""
        for message in self._messages:
            await send(message)


class _Sessions(msgspec.Struct):
    """A list of sessions, unopened."""

    result: list[msgspec.Raw]


class _Nothing:
    """A request without a body, from a client that stays."""

    def __init__(self) -> None:
        self._said = False

    async def receive(self) -> Message:
        """Return the empty body, then wait for ever."""
        if self._said:
            await trio.sleep_forever()
        self._said = True
        return {"type": "http.request", "body": b"", "more_body": False}


def _node_in(start: Message) -> str | None:
    for name, value in start["headers"]:
        if name.lower() == NODE_HEADER.lower().encode():
            return str(value.decode())
    return None


async def _refuse(scope: Scope, send: Send) -> None:
    problem = problem_of(node_lost())
    headers = {"content-type": CONTENT_TYPE, **problem.headers}
    await _answer(send, problem.status, headers, msgspec.json.encode(problem.body(scope["path"])))


async def _answer(send: Send, status: int, headers: dict[str, str], body: bytes) -> None:
    whole = {**headers, "content-length": str(len(body))}
    pairs = [(name.lower().encode(), value.encode()) for name, value in whole.items()]
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _first(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error)
