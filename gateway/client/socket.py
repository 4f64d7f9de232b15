"""The operators' websocket over all its connections: questions, answers, streams.

What is asked waits for a connection. What is on its way when one breaks ends in ``Interrupted``
and is not repeated, because the vehicle may have got it. Streams outlive connections: they are
subscribed to again, and count the interruption.
"""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import trio
from trio_websocket import ConnectionClosed, HandshakeError
from wsproto.utilities import LocalProtocolError

from gateway.client.connection import CLOSE_UNAUTHORIZED, Line, Pauses, dial, no_websocket
from gateway.client.errors import (
    ClientError,
    Ended,
    Interrupted,
    Problem,
    Refused,
    SignInRefused,
    Unreachable,
    refusal,
)
from gateway.client.records import convert
from gateway.client.streams import FrameStream, NewsStream
from protocols.can.batch import peek_batch
from protocols.can.bundle import split_bundle
from protocols.errors import RemoteProtocolError

#: Seconds that questions wait for a connection.
PATIENCE = 30.0

#: Seconds after which a connection counts as one that works: the next is dialled soon.
LASTING = 5.0

#: Seconds for taking leave.
LEAVE_LIMIT = 2.0

# Any: one object of the websocket's JSON, of which each reader knows its own members.
Message = dict[str, Any]

_encoder = msgspec.json.Encoder()


@dataclass(slots=True, eq=False)
class _Question:
    answered: trio.Event = field(default_factory=trio.Event)
    answer: Message | None = None


@dataclass(slots=True, eq=False)
class _Subscription:
    """What was asked for, and where it goes."""

    message: Message
    sink: FrameStream | NewsStream

    @property
    def session(self) -> str:
        return str(self.message["session"])


class OperatorSocket:
    """The websocket as the sessions of a client see it; :meth:`run` is a task of the client.

    Args:
        url: of the websocket.
        token: returns one that is good.
        forget: called with a token that was not taken.
        tls: for ``wss``.
    """

    def __init__(
        self,
        url: str,
        token: Callable[[], Awaitable[str]],
        forget: Callable[[str], None],
        tls: ssl.SSLContext | None,
    ) -> None:
        self._url = url
        self._token = token
        self._forget = forget
        self._tls = tls
        self._line: Line | None = None
        self._connected = trio.Event()
        self._trouble: ClientError | None = None
        self._fatal = False
        self._life = trio.CancelScope()
        self._reading: trio.CancelScope | None = None
        self._questions: dict[int, _Question] = {}
        self._number = 0
        self._streams: list[_Subscription] = []
        self._refused_frames: dict[str, Refused] = {}

    # --- for sessions ------------------------------------------------------------------------

    async def ask(self, message: Message) -> Message:
        """Send a message and return its answer.

        Raises:
            Refused: the gateway said no.
            Interrupted: the connection broke meanwhile.
            Unreachable: there was none for too long.
        """
        line = await self._open_line()
        self._number += 1
        number = self._number
        question = self._questions[number] = _Question()
        try:
            await _send(line, _encoder.encode(message | {"id": number}).decode())
            await question.answered.wait()
        finally:
            del self._questions[number]
        if question.answer is None:
            raise Interrupted(
                "The connection broke before the answer came. It is not known whether the vehicle "
                "got the request: read back before you repeat it."
            )
        if "error" in question.answer:
            raise refusal(convert(question.answer["error"], Problem))
        return question.answer

    async def send_batch(self, session: str, batch: bytes) -> None:
        """Put frames on their way to a vehicle.

        Raises:
            Refused: the gateway did not take earlier ones.
            Interrupted: the connection broke.
            Unreachable: there was none for too long.
        """
        self.check_frames(session)
        line = await self._open_line()
        await _send(line, bytes.fromhex(session) + batch)

    def check_frames(self, session: str) -> None:
        """Raise ``Refused`` where the gateway did not take frames that were sent before."""
        if (refused := self._refused_frames.pop(session, None)) is not None:
            raise refused

    async def subscribe(self, message: Message, sink: FrameStream | NewsStream) -> None:
        """Let a sink have a stream until :meth:`unsubscribe`; raises as :meth:`ask`."""
        subscription = _Subscription(message, sink)
        shared = self._sharing(subscription)
        self._streams.append(subscription)  # first: frames may overtake the answer
        try:
            if not shared:
                await self._subscribe(subscription)
        except BaseException:
            self._streams.remove(subscription)
            raise

    async def unsubscribe(self, sink: FrameStream | NewsStream) -> None:
        """Stop a stream; nothing is sent where it is over already."""
        for subscription in [it for it in self._streams if it.sink is sink]:
            self._streams.remove(subscription)
            members = ("session", "stream", "bus")
            wanted = {name: subscription.message.get(name, "") for name in members}
            if self._line is not None and not self._sharing(subscription):
                await self.ask({"action": "unsubscribe", **wanted})

    def _sharing(self, subscription: _Subscription) -> bool:
        """Tell whether the gateway sends these news already, for another reader of this script."""
        return subscription.message["stream"] == "news" and any(
            it.message == subscription.message for it in self._streams if it is not subscription
        )

    async def _subscribe(self, subscription: _Subscription) -> None:
        answer = await self.ask(subscription.message)
        sink = subscription.sink
        if isinstance(sink, FrameStream):
            sink.epoch_us = int(answer.get("epoch_us", 0))
            if sink.paused:
                await self.ask(
                    {"action": "pause", "session": subscription.session, "bus": sink.bus}
                )

    async def _open_line(self) -> Line:
        with trio.move_on_after(PATIENCE):
            while self._line is None and not self._fatal:
                await self._connected.wait()
        if self._line is None:
            raise self._trouble or Unreachable(f"No websocket at {self._url}: no answer")
        return self._line

    # --- connections -------------------------------------------------------------------------

    async def run(self) -> None:
        """Keep a connection until :meth:`stop`; ends where the credentials are refused."""
        with self._life:
            await self._keep()

    def stop(self) -> None:
        """Take leave of the gateway, and dial no more."""
        self._fatal = True
        (self._life if self._reading is None else self._reading).cancel()

    async def _keep(self) -> None:
        pauses = Pauses()
        again = False
        while not self._fatal:
            try:
                token = await self._token()
                began = trio.current_time()
                await self._connection(token, again=again)
            except Unreachable as error:
                self._trouble = error
            except (SignInRefused, ClientError) as error:
                self._give_up(error)
                return
            else:
                again = True
                if trio.current_time() - began > LASTING:
                    pauses.restart()
            if not self._fatal:
                await pauses.wait()

    def _give_up(self, error: ClientError) -> None:
        self._trouble, self._fatal = error, True
        self._connected.set()
        for subscription in self._streams:
            subscription.sink.close(error)

    async def _connection(self, token: str, *, again: bool) -> None:
        """Use one connection to its end.

        Raises:
            Unreachable: there was none.
        """
        trouble: Unreachable | None = None
        try:
            async with trio.open_nursery() as nursery:
                try:
                    line = await dial(nursery, self._url, token, self._tls)
                except Unreachable as error:
                    trouble = error
                else:
                    await self._use(line, nursery, token, again=again)
                nursery.cancel_scope.cancel()
        except* HandshakeError as group:
            trouble = no_websocket(self._url, group.exceptions[0])
        except* LocalProtocolError:
            # A ping came while we took leave: trio-websocket answers it, which wsproto refuses.
            # The connection is over either way.
            trouble = None
        if trouble is not None:
            raise trouble

    async def _use(self, line: Line, nursery: trio.Nursery, token: str, *, again: bool) -> None:
        self._line = line
        self._connected.set()
        if again:
            nursery.start_soon(self._resubscribe)
        self._reading = trio.CancelScope()
        try:
            with self._reading:
                while True:
                    self._take(await line.receive())
        except ConnectionClosed:
            if line.close_code == CLOSE_UNAUTHORIZED:
                self._forget(token)
        finally:
            self._line = self._reading = None
            self._connected = trio.Event()
            for question in self._questions.values():
                question.answered.set()
            # Once cancelled, nobody reads any more: the other side's word would not be heard.
            hurried = trio.current_effective_deadline() <= trio.current_time()
            with trio.move_on_after(0 if hurried else LEAVE_LIMIT, shield=True):
                await line.aclose()

    async def _resubscribe(self) -> None:
        """Ask for every stream again, after a connection that broke."""
        for subscription in list(self._streams):
            sink = subscription.sink
            if isinstance(sink, FrameStream):
                sink.interruptions += 1
            else:
                sink.take({"kind": "gap", "detail": "The connection broke; news were missed."})
            try:
                if self._is_first(subscription):
                    await self._subscribe(subscription)
            except Interrupted:
                return  # the next connection does it all again
            except ClientError as error:
                self._drop(subscription, Ended(f"This stream is over: {error}"))

    def _is_first(self, subscription: _Subscription) -> bool:
        same = (it for it in self._streams if it.message == subscription.message)
        return next(same, None) is subscription

    def _drop(self, subscription: _Subscription, why: ClientError) -> None:
        if subscription in self._streams:
            self._streams.remove(subscription)
        subscription.sink.close(why)

    # --- what comes --------------------------------------------------------------------------

    def _take(self, data: str | bytes) -> None:
        try:
            if isinstance(data, bytes):
                for session, batch in split_bundle(data):
                    self._take_frames(session.hex(), batch)
                return
            for message in _messages(msgspec.json.decode(data)):
                self._take_message(message)
        except (RemoteProtocolError, msgspec.MsgspecError, RecursionError, ValueError):
            return  # a newer gateway says more than is known here

    def _take_frames(self, session: str, batch: bytes) -> None:
        index = peek_batch(batch).bus
        for it in self._streams:
            sink = it.sink
            if isinstance(sink, FrameStream) and (it.session, sink.index) == (session, index):
                sink.take(batch)

    def _take_message(self, message: Message) -> None:
        if message.get("action") == "news":
            for it in self._of(message, "news"):
                if isinstance(it.sink, NewsStream):
                    it.sink.take(message)
        elif (question := self._question(message)) is not None:
            question.answer = message
            question.answered.set()
        elif message.get("action") == "unsubscribed":
            for it in self._of(message, str(message.get("stream"))):
                self._drop(
                    it, Ended("This stream is over: its session, connector or bus is gone.")
                )
        elif message.get("action") == "error" and "session" in message:
            problem = msgspec.convert(message["error"], Problem)
            self._refused_frames[str(message["session"])] = refusal(problem)

    def _question(self, message: Message) -> _Question | None:
        number = message.get("id")
        return self._questions.get(number) if isinstance(number, int) else None

    def _of(self, message: Message, stream: str) -> list[_Subscription]:
        return [
            it
            for it in self._streams
            if it.session == message.get("session")
            and it.message["stream"] == stream
            and it.message.get("bus", "") == message.get("bus", it.message.get("bus", ""))
        ]


def _messages(document: object) -> Iterable[Message]:
    items = document if isinstance(document, list) else [document]
    return [item for item in items if isinstance(item, dict)]


async def _send(line: Line, data: str | bytes) -> None:
    try:
        await line.send(data)
    except ConnectionClosed as error:
        raise Interrupted("The connection broke before this was sent.") from error
