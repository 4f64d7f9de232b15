"""One operator's client, from sign-in to close."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

import trio
from quart import Blueprint, websocket

from gateway.decoding.service import DescriptionService
from gateway.domain.clock import Clock, utc_now
from gateway.domain.errors import Conflict, GatewayError, Invalid
from gateway.domain.principal import OperatorPrincipal
from gateway.runtime.feeds import Feed, Policy
from gateway.sessions.exchange import epoch_us
from gateway.sessions.jobs import JobService
from gateway.sessions.service import SessionService
from gateway.sessions.session import Session
from gateway.web.auth import OperatorIdentity, websocket_token
from gateway.web.bodies import from_json
from gateway.ws.operator.exchanges import MAX_EXCHANGES, Exchanges
from gateway.ws.operator.gathering import FrameGatherer
from gateway.ws.operator.messages import (
    Authenticate,
    ClientMessage,
    ExchangeMessage,
    JobMessage,
    LeaseMessage,
    Pause,
    Ping,
    Reference,
    Resume,
    SendFrames,
    Subscribe,
    Unsubscribe,
    parse,
    reference_in,
)
from gateway.ws.operator.orders import control_job, order_lease
from gateway.ws.operator.streams import (
    Following,
    check_batch,
    explain_frames,
    forward_frames,
    forward_news,
    gather_frames,
    join,
    problem_text,
    to_batch,
    to_text,
)
from gateway.ws.sign_in import first_token, received, refuse
from protocols.link.vehicle import FrameFilter

#: Streams one client may follow.
MAX_STREAMS = 64

#: Messages waiting to go out: the answers to all that may be in flight, so that none needs a task
#: to wait in. When it is full, streams wait (and drop), and answers count as in flight.
QUEUE = MAX_EXCHANGES

_SESSION_ID_SIZE = 16

#: What a client follows: session, stream, bus.
Stream = tuple[str, str, str]


def blueprint(
    identity: OperatorIdentity,
    sessions: SessionService,
    jobs: JobService,
    clock: Clock = utc_now,
    descriptions: DescriptionService | None = None,
) -> Blueprint:
    """Return the route ``/ws/operator``."""
    routes = Blueprint("operator_socket", __name__)

    @routes.websocket("/ws/operator")
    async def operator_socket() -> None:
        try:
            operator = await _sign_in(identity)
        except GatewayError as error:
            await websocket.accept()
            await refuse(problem_text("authenticate", None, error), error)
            return
        async with trio.open_nursery() as nursery:
            in_batches = websocket.args.get("batch") == "1"
            client = OperatorSocket(
                operator, sessions, jobs, nursery, clock, descriptions, in_batches=in_batches
            )
            nursery.start_soon(client.write)
            nursery.start_soon(client.write_gathered)
            try:
                await client.read()
            finally:
                client.leave()

    return routes


async def _sign_in(identity: OperatorIdentity) -> OperatorPrincipal:
    if websocket_token() is None:
        await websocket.accept()
    return await identity.operator(await first_token(_token_in))


def _token_in(data: str | bytes) -> str:
    message = from_json(data if isinstance(data, bytes) else data.encode(), Authenticate)
    return message.access_token


class OperatorSocket:
    """The conversation with one client; lives as long as its socket.

    Args:
        operator: who is at the other end.
        sessions: what they can work on.
        jobs: transfer jobs on it.
        nursery: of the socket; its end ends all streams and waits.
        clock: wall clock.
        descriptions: say what exchanges and frames mean.
        in_batches: text messages that wait together leave as one JSON array, and batches of
            frames as one binary message.
    """

    def __init__(
        self,
        operator: OperatorPrincipal,
        sessions: SessionService,
        jobs: JobService,
        nursery: trio.Nursery,
        clock: Clock,
        descriptions: DescriptionService | None = None,
        *,
        in_batches: bool = False,
    ) -> None:
        self._operator = operator
        self._sessions = sessions
        self._jobs = jobs
        self._nursery = nursery
        self._clock = clock
        self._descriptions = descriptions
        self._out: Feed[str | bytes] = Feed(QUEUE, Policy.BLOCK)
        self._streams: dict[Stream, Following] = {}
        self._exchanges = Exchanges(operator, sessions, self._out, nursery, descriptions)
        self._in_batches = in_batches
        self._gatherer = FrameGatherer()

    async def write(self) -> None:
        """Send what is queued, for ever."""
        async for message in self._out:
            if self._in_batches and isinstance(message, str):
                for joined in join([message, *self._out.take_all()]):
                    await websocket.send(joined)
            else:
                await websocket.send(message)

    async def write_gathered(self) -> None:
        """Send the frames that were gathered, for ever; answers go in between."""
        await self._gatherer.write(websocket.send)

    async def read(self) -> None:
        """Take what the client says, for ever; a bad message gets an answer, not an end."""
        while True:
            data = await received()
            if isinstance(data, bytes):
                await self._write_frames(data)
                continue
            try:
                messages = parse(data)
            except GatewayError as error:
                await self._send(problem_text("error", reference_in(data), error))
                continue
            for message in messages:
                await self._try(message)

    def leave(self) -> None:
        """Let go of what is still to come for this client."""
        self._exchanges.leave()

    async def _try(self, message: ClientMessage) -> None:
        try:
            await self._take(message)
        except GatewayError as error:
            reference: Reference = getattr(message, "reference", None)
            await self._send(problem_text("error", reference, error))

    async def _send(self, message: str | bytes) -> None:
        await self._out.put(message)

    async def _take(self, message: ClientMessage) -> None:
        match message:
            case ExchangeMessage():
                self._exchanges.start(message)
            case Subscribe() | Unsubscribe() | Pause() | Resume():
                await self._steer(message)
            case SendFrames():
                await self._send_frames(message)
            case Ping():
                await self._send(to_text({"action": "pong", "id": message.reference}))
            case JobMessage():
                session = self._session(message.session)
                await self._send(to_text(control_job(self._jobs, session, message)))
            case LeaseMessage():
                session = self._session(message.session)
                await self._send(to_text(await order_lease(self._sessions, session, message)))
            case Authenticate():
                raise Invalid("socket.signed_in", "You are signed in on this socket already.")

    def _session(self, session_id: str) -> Session:
        return self._sessions.find(self._operator, session_id)

    # --- streams -----------------------------------------------------------------------------

    async def _steer(self, message: Subscribe | Unsubscribe | Pause | Resume) -> None:
        match message:
            case Subscribe():
                await self._subscribe(message)
            case Unsubscribe():
                await self._unsubscribe(message)
            case Pause() | Resume():
                await self._pause(message)

    async def _subscribe(self, message: Subscribe) -> None:
        session = self._session(message.session)
        key = (message.session, message.stream, message.bus)
        if key in self._streams:
            raise Conflict("socket.subscribed", "You follow this stream already.")
        if len(self._streams) >= MAX_STREAMS:
            raise Conflict("socket.too_many_streams", f"A socket follows {MAX_STREAMS} streams.")
        following = Following()
        forward = self._forwarder(session, message, following)
        self._streams[key] = following
        self._nursery.start_soon(self._follow, key, following, forward)
        answer: dict[str, object] = {
            "action": "subscribed",
            "id": message.reference,
            "session": session.id,
        }
        if message.stream == "frames":
            offset_us = self._sessions.connector(session).clock_offset_us
            answer["epoch_us"] = epoch_us(self._clock(), trio.current_time(), offset_us)
        await self._send(to_text(answer))

    def _forwarder(
        self, session: Session, message: Subscribe, following: Following
    ) -> Callable[[], Awaitable[None]]:
        if message.stream == "news":
            return lambda: self._forward_news(session)
        live = self._sessions.connector(session)
        filters = tuple(FrameFilter(f.id, f.mask, f.extended) for f in message.filters)
        listening = following.through(live.listen(message.bus, filters))
        as_json = message.format == "json"
        if self._in_batches and not as_json:
            return lambda: gather_frames(session, listening, self._gatherer)
        explain = None
        if message.decode and as_json and self._descriptions is not None:
            descriptions, vin = self._descriptions, live.status.vin
            explain = partial(explain_frames, descriptions, session.provider_id, vin, message.bus)
        return lambda: forward_frames(
            session, listening, self._send, as_json=as_json, explain=explain
        )

    async def _forward_news(self, session: Session) -> None:
        with session.watch() as feed:
            await forward_news(session, feed, self._send)

    async def _follow(
        self,
        key: Stream,
        following: Following,
        forward: Callable[[], Awaitable[None]],
    ) -> None:
        with following.scope:
            await forward()
        if self._streams.get(key) is following:
            # Its session, its connector or its bus is gone; a client that waits must know.
            del self._streams[key]
            await self._send(_unsubscribed(key, None))

    async def _unsubscribe(self, message: Unsubscribe) -> None:
        key = (message.session, message.stream, message.bus)
        following = self._streams.pop(key, None)
        if following is None:
            raise Invalid("socket.not_subscribed", "You do not follow this stream.")
        following.scope.cancel()
        await self._send(_unsubscribed(key, message.reference))

    async def _pause(self, message: Pause | Resume) -> None:
        following = self._streams.get((message.session, "frames", message.bus))
        if following is None:
            raise Invalid("socket.not_subscribed", "You do not follow frames of this bus.")
        paused = isinstance(message, Pause)
        following.pause(paused=paused)
        action = "paused" if paused else "resumed"
        await self._send(to_text({"action": action, "id": message.reference}))

    # --- frames to the vehicle; only the holder of the lease may -----------------------------

    async def _write_frames(self, data: bytes) -> None:
        session_id = data[:_SESSION_ID_SIZE].hex()
        try:
            await self._put_on_bus(self._session(session_id), data[_SESSION_ID_SIZE:])
        except GatewayError as error:
            # Nothing else tells the client which of its sessions this is about.
            await self._send(problem_text("error", None, error, session=session_id))

    async def _send_frames(self, message: SendFrames) -> None:
        session = self._session(message.session)
        buses = self._sessions.connector(session).capabilities.buses
        await self._put_on_bus(session, to_batch(message.frames, message.bus, buses))
        await self._send(to_text({"action": "sent", "id": message.reference}))

    async def _put_on_bus(self, session: Session, batch: bytes) -> None:
        check_batch(batch, self._sessions.connector(session).capabilities.buses)
        await self._sessions.write_frames(session, batch)


def _unsubscribed(key: Stream, reference: Reference) -> str:
    session, stream, bus = key
    return to_text(
        {
            "action": "unsubscribed",
            "id": reference,
            "session": session,
            "stream": stream,
            "bus": bus,
        }
    )
