"""An operator's websocket whose sessions live on several nodes.

The client has one websocket, at this node. What it says of a session of another node goes there,
over a websocket of its own with the same token; what comes back goes to the client as it is. So
each message is opened here just enough to see whose it is.

When a node is lost, the client hears it: its questions get an error, its streams end, and its
sessions there are over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import trio

from gateway.domain.errors import Unavailable
from gateway.nodes.peers import TAG_SIZE, Peer
from gateway.nodes.sealed import StreamLost
from gateway.nodes.visits import Application, Message, Receive, Scope, Send, Visits
from gateway.web.problems import problem_of

#: Messages for another node that wait; the client's further ones wait with them.
WAITING = 16

#: Questions and streams of a client that are remembered for each node.
MOST_REMEMBERED = 1024

#: What a client uses to match answers to its requests.
Reference = int | str | None


class _Envelope(msgspec.Struct):
    """As much of a message as tells whose it is."""

    action: str = ""
    session: str = ""
    stream: str = ""
    bus: str = ""
    id: Reference = None


class _Answer(msgspec.Struct):
    """As much of an answer as tells what it is to."""

    action: str | None = None
    session: str | None = None
    stream: str | None = None
    bus: str | None = None
    id: Reference = None


_one = msgspec.json.Decoder(_Envelope)
_answer = msgspec.json.Decoder(_Answer)
_many = msgspec.json.Decoder(list[msgspec.Raw])
_encoder = msgspec.json.Encoder()


def node_lost() -> Unavailable:
    """Return the refusal of what another node should have done."""
    return Unavailable(
        "node.lost",
        "The node of this gateway that has the connector does not answer. Its sessions are over "
        "when it does not come back within seconds; whether the vehicle got the request is not "
        "known. Try again, and open another session where this one is over.",
        retry_after=2.0,
    )


class SplitSocket:
    """One client's websocket; lives as long as that.

    Args:
        application: of this node, which answers what is of this node.
        find: returns the other node that has this tag.
        visits: takes a websocket there.
        scope, receive, send: the client's websocket, as ASGI has it.
    """

    def __init__(
        self,
        application: Application,
        find: Callable[[str], Peer | None],
        visits: Visits,
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        self._application = application
        self._find = find
        self._visits = visits
        self._scope = scope
        self._receive = receive
        self._send = send
        self._turn = trio.Lock()
        self._closed = False
        self._sign_in: Message | None = None
        self._far: dict[str, _FarSocket] = {}

    async def run(self) -> None:
        """Serve the client until it is gone."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            await self._application(self._scope, self._take, self.say)
            nursery.cancel_scope.cancel()

    async def say(self, message: Message) -> None:
        """Send the client a message; several tasks may."""
        async with self._turn:
            if self._closed:
                return
            self._closed = message["type"] == "websocket.close"
            await self._send(message)

    async def _take(self) -> Message:
        """Return the next message that is for this node."""
        while True:
            message = await self._receive()
            if message["type"] != "websocket.receive":
                return message
            text = message.get("text")
            mine = await (
                self._sort_bytes(message) if text is None else self._sort_text(message, text)
            )
            if mine is not None:
                return mine

    async def _sort_bytes(self, message: Message) -> Message | None:
        # Frames: the session's id comes first (gateway/ws/operator/messages.py).
        tag = bytes(message["bytes"][: TAG_SIZE // 2]).hex()
        return await self._hand_on(tag, message, ())

    async def _sort_text(self, message: Message, text: str) -> Message | None:
        try:
            if not text.lstrip().startswith("["):
                one = _one.decode(text)
                if one.action == "authenticate":
                    self._sign_in = message
                return await self._hand_on(one.session[:TAG_SIZE], message, (one,))
            parts = [(_one.decode(raw), raw) for raw in _many.decode(text)]
        except (msgspec.DecodeError, RecursionError):
            return message  # the application says what is wrong with it
        return await self._sort_parts(message, parts)

    async def _sort_parts(
        self, message: Message, parts: list[tuple[_Envelope, msgspec.Raw]]
    ) -> Message | None:
        by_tag: dict[str, list[tuple[_Envelope, msgspec.Raw]]] = {}
        for envelope, raw in parts:
            tag = envelope.session[:TAG_SIZE]
            by_tag.setdefault(tag if self._find(tag) else "", []).append((envelope, raw))
        if by_tag.keys() <= {""}:
            return message
        mine = None
        for tag, group in by_tag.items():
            text = _encoder.encode([raw for _, raw in group]).decode()
            some = {"type": "websocket.receive", "bytes": None, "text": text}
            mine = await self._hand_on(tag, some, [envelope for envelope, _ in group]) or mine
        return mine

    async def _hand_on(
        self, tag: str, message: Message, envelopes: Iterable[_Envelope]
    ) -> Message | None:
        """Let another node have the message, or return it where it is of this one."""
        peer = self._find(tag) if tag else None
        if peer is None:
            return message
        far = self._far.get(tag)
        if far is None:
            far = self._far[tag] = _FarSocket(self.say, self._sign_in)
            self._nursery.start_soon(self._follow, tag, far, peer)
        far.note(envelopes)
        await far.put(message)
        return None

    async def _follow(self, tag: str, far: _FarSocket, peer: Peer) -> None:
        try:
            await self._visits.visit(peer, self._scope, far.receive, far.send)
        except* StreamLost:
            pass  # what follows from that is the same as of a node that ended in good order
        finally:
            far.end()
            if self._far.get(tag) is far:
                del self._far[tag]
        await far.tell_lost()


class _FarSocket:
    """The websocket at another node, as the server of that node sees it."""

    def __init__(self, say: Send, sign_in: Message | None) -> None:
        self._say = say
        self._put, self._get = trio.open_memory_channel[Message](WAITING)
        self._first = [{"type": "websocket.connect"}, *([] if sign_in is None else [sign_in])]
        self._asked: dict[Reference, str] = {}
        self._streams: dict[tuple[str, str, str], None] = {}

    def note(self, envelopes: Iterable[_Envelope]) -> None:
        """Remember what a client asks, to tell it what will not be answered."""
        for it in envelopes:
            if it.id is not None and len(self._asked) < MOST_REMEMBERED:
                self._asked[it.id] = it.action
            key = (it.session, it.stream, it.bus)
            if it.action == "subscribe" and len(self._streams) < MOST_REMEMBERED:
                self._streams[key] = None
            elif it.action == "unsubscribe":
                self._streams.pop(key, None)

    async def put(self, message: Message) -> None:
        """Queue a message of the client; waits while the other node is behind."""
        try:
            await self._put.send(message)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return  # the node was lost meanwhile, and the client is told

    async def receive(self) -> Message:
        """Return the client's next message, for the other node."""
        if self._first:
            return self._first.pop(0)
        return await self._get.receive()

    async def send(self, message: Message) -> None:
        """Take what the other node has for the client."""
        if message["type"] != "websocket.send":
            return  # accepted long ago; and one that closes is told of like one that is lost
        text = message.get("text")
        if text:
            self._answered(text)
        await self._say(message)

    def _answered(self, text: str) -> None:
        """Forget what needs no answer any more."""
        if not self._asked and not self._streams:
            return
        try:
            many = _many.decode(text) if text[0] == "[" else [msgspec.Raw(text.encode())]
            answers = [_answer.decode(raw) for raw in many]
        except msgspec.DecodeError:
            return  # a newer program on that node; the client may know more
        for it in answers:
            self._asked.pop(it.id, None)
            if it.action == "unsubscribed":
                self._streams.pop((it.session or "", it.stream or "", it.bus or ""), None)

    def end(self) -> None:
        """Nothing goes there any more, and nobody waits for room."""
        self._put.close()
        self._get.close()

    async def tell_lost(self) -> None:
        """Tell the client what it will not hear of."""
        problem = problem_of(node_lost()).body()
        for reference, action in self._asked.items():
            named = "exchange" if action == "exchange" else "error"
            await self._tell({"action": named, "id": reference, "error": problem})
        for session, stream, bus in self._streams:
            if stream == "news":
                ended = {"reason": "node", "safe": False, "detail": problem["detail"]}
                news = {"action": "news", "session": session, "kind": "ended", **ended}
                await self._tell(news)
            over = {"action": "unsubscribed", "id": None, "session": session}
            await self._tell({**over, "stream": stream, "bus": bus})

    # Any: JSON.
    async def _tell(self, message: dict[str, Any]) -> None:
        text = _encoder.encode(message).decode()
        await self._say({"type": "websocket.send", "bytes": None, "text": text})
