"""A gateway's link port in memory, and connectors made of the real machine to dial in to it."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from uuid import UUID

import structlog
import trio
from structlog.testing import CapturingLogger
from trio_websocket import ConnectionClosed, WebSocketConnection, wrap_client_stream
from typing_extensions import override

from gateway.domain.connector import KnownConnector
from gateway.domain.events import Event
from gateway.links.accept import accept_paced
from gateway.links.connector import LiveConnector
from gateway.links.elsewhere import Elsewhere
from gateway.links.port import PATH, LinkPort, PortOptions
from gateway.links.registry import Registry
from gateway.runtime.guard import failure_counter, guard
from gateway.runtime.metrics import Metrics
from protocols.link import events
from protocols.link.connection import LinkMemory, queue_message
from protocols.link.connector import ConnectorLink
from protocols.link.handshake import sign
from protocols.link.messages import (
    MAX_ENVELOPE,
    SUBPROTOCOL,
    Channel,
    ExchangeRequest,
    ExchangeResponse,
    ExchangeResult,
    Message,
    SessionClose,
    SessionClosed,
)
from protocols.link.state import State
from protocols.link.vehicle import Capabilities
from tests.settable_clock import SettableClock
from tests.support.faulty_stream import FaultyStream, faulty_pair
from tests.support.link_pair import CAPABILITIES, PRIVATE, PUBLIC, UUID_TEXT

UUID_ONE = UUID(UUID_TEXT)
KNOWN = KnownConnector(100_000_001, UUID_ONE, tenant_id=7, provider_id=3, public_keys=(PUBLIC,))


@dataclass
class Conditions:
    """What the next connections are like."""

    delay: float = 0.0
    window: int = 1 << 16


class MemoryListener(trio.abc.Listener[trio.abc.Stream]):
    """A listening socket with its queue; accepting fails as often as it is told to."""

    def __init__(self, waiting: trio.MemoryReceiveChannel[trio.abc.Stream]) -> None:
        self._waiting = waiting
        self.failures: list[OSError] = []

    @override
    async def accept(self) -> trio.abc.Stream:
        if self.failures:
            raise self.failures.pop()
        return await self._waiting.receive()

    @override
    async def aclose(self) -> None:
        await self._waiting.aclose()


class LinkWorld:
    """Registry and port as the application composes them; made by :func:`open_world`."""

    def __init__(
        self,
        nursery: trio.Nursery,
        options: PortOptions,
        window: float,
        elsewhere: Elsewhere | None = None,
    ) -> None:
        self.nursery = nursery
        self.known: dict[UUID, KnownConnector] = {UUID_ONE: KNOWN}
        self.clock = SettableClock()
        self.published: list[Event] = []
        self.logged = CapturingLogger()
        self.metrics = Metrics()
        self.conditions = Conditions()
        self.streams: list[FaultyStream] = []
        self.find_fails: Exception | None = None
        self._queue: trio.MemorySendChannel[trio.abc.Stream] | None = None
        self._unique = itertools.count(1)
        self.registry = Registry(
            window=window,
            publish=self.published.append,
            clock=self.clock,
            token=partial(self._random, 16),
            elsewhere=elsewhere,
        )
        log: structlog.typing.FilteringBoundLogger = structlog.wrap_logger(
            self.logged, processors=[], wrapper_class=structlog.make_filtering_bound_logger(20)
        )
        self.port = LinkPort(
            self.registry, self._find, partial(self._random, 32), options, log, jitter=lambda: 0.5
        )
        self.serve = guard(
            self.port.handle, name="link", log=log, counter=failure_counter(self.metrics)
        )

    def _random(self, size: int) -> bytes:
        # The high bytes vary, as they do in a real token.
        return (next(self._unique) * 0x9E3779B97F4A7C15 % 2**64).to_bytes(8, "big") * (size // 8)

    async def _find(self, uuid: UUID) -> KnownConnector | None:
        await trio.lowlevel.checkpoint()
        if self.find_fails is not None:
            raise self.find_fails
        return self.known.get(uuid)

    def dial(self) -> FaultyStream:
        """Return the dialling end of a new connection to the port."""
        conditions = self.conditions
        theirs, ours = faulty_pair(delay=conditions.delay, window=conditions.window)
        if self._queue is None:
            self.nursery.start_soon(self.serve, ours)
        else:
            self._queue.send_nowait(ours)
        self.streams.append(theirs)
        return theirs

    def listen(self, queue: int = 1000) -> None:
        """From now on let connections wait in a listen queue until the port accepts them."""
        self._queue, waiting = trio.open_memory_channel[trio.abc.Stream](queue)
        self.nursery.start_soon(
            accept_paced,
            MemoryListener(waiting),
            self.serve,
            self.nursery,
            self.port.admission,
            self.port.log,
        )

    async def open_tcp_stream(self, *_address: object) -> FaultyStream:
        """Take the place of ``trio.open_tcp_stream`` for code that dials by address."""
        await trio.lowlevel.checkpoint()
        return self.dial()

    @property
    def live(self) -> LiveConnector:
        return self.registry.require(UUID_ONE)

    def statuses(self) -> list[dict[str, object]]:
        """Return what was published of connectors, oldest first."""
        return [event.payload for event in self.published]

    def lines(self, event: str) -> list[dict[str, object]]:
        """Return the log lines of one kind."""
        return [call.kwargs for call in self.logged.calls if call.kwargs["event"] == event]

    def failures(self) -> int:
        """Return how many connections ended with an exception."""
        samples = self.metrics.registry.collect()
        return int(
            sum(
                sample.value
                for family in samples
                if family.name == "gateway_connection_failures"
                for sample in family.samples
                if sample.name.endswith("_total")
            )
        )


@asynccontextmanager
async def open_world(
    options: PortOptions | None = None,
    *,
    window: float = 60.0,
    elsewhere: Elsewhere | None = None,
) -> AsyncIterator[LinkWorld]:
    """Run a registry and a port for the block."""
    async with trio.open_nursery() as nursery:
        world = LinkWorld(nursery, options or PortOptions(), window, elsewhere)
        await nursery.start(world.registry.serve)
        yield world
        for stream in world.streams:
            stream.cut()  # else each link takes the time to say goodbye
        await settle()
        nursery.cancel_scope.cancel()


async def settle(rounds: int = 60) -> None:
    """Let every task run that can run without time passing."""
    for _ in range(rounds):
        await trio.lowlevel.checkpoint()


async def until(
    condition: Callable[[], bool], *, within: float = 30.0, every: float = 0.001
) -> None:
    """Wait until something has become true.

    Raises:
        trio.TooSlowError: it did not.
    """
    with trio.fail_after(within):
        while not condition():  # noqa: ASYNC110 - what is waited for belongs to others
            await trio.sleep(every)


Answer = Callable[[ExchangeRequest], ExchangeResult | None]


def echo(request: ExchangeRequest) -> ExchangeResult:
    """Answer as a control unit that likes everything."""
    positive = bytes((request.request[0] + 0x40,)) + request.request[1:]
    return ExchangeResult(request.id, (ExchangeResponse(0x7E8, positive, 0, 10, 20),))


@dataclass(eq=False)
class DialledConnector:
    """A connector's program in miniature, around the real machine and a real websocket.

    Attributes:
        memory: outlives connections; replace it to restart the connector.
        answer: returns the result of a request, or ``None`` to keep quiet.
        closes: it confirms the end of sessions.
        got: every message, over all connections.
        told: every event of the link, over all connections.
    """

    world: LinkWorld
    uuid: str = UUID_TEXT
    private: bytes = PRIVATE
    capabilities: Capabilities = CAPABILITIES
    memory: LinkMemory = field(default_factory=LinkMemory)
    answer: Answer = echo
    closes: bool = True
    got: list[Message] = field(default_factory=list)
    told: list[events.Event] = field(default_factory=list)
    link: ConnectorLink | None = None
    stream: FaultyStream | None = None
    websocket: WebSocketConnection | None = None
    _said: trio.lowlevel.ParkingLot = field(default_factory=trio.lowlevel.ParkingLot)

    def send(self, message: Message) -> None:
        queue_message(self.memory.delivery, message)
        self._said.unpark_all()

    def restart(self) -> None:
        """Forget everything, as a reboot does."""
        self.memory = LinkMemory()

    async def connect(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        """Keep one connection until it ends; reports when the link is live."""
        self.stream = self.world.dial()
        async with trio.open_nursery() as nursery:
            self.websocket = await wrap_client_stream(
                nursery,
                self.stream,  # type: ignore[arg-type] # any stream will do
                "gateway",
                PATH,
                subprotocols=[SUBPROTOCOL],
                max_message_size=MAX_ENVELOPE,
            )
            self.link = ConnectorLink(
                self.uuid,
                self.capabilities,
                nonce=self.world._random(32),
                prove=partial(sign, self.private),
                memory=self.memory,
                now=trio.current_time(),
            )
            nursery.start_soon(self._write, self.websocket, self.link, task_status)
            await self._read(self.websocket, self.link)
            await settle()
            nursery.cancel_scope.cancel()

    async def _read(self, websocket: WebSocketConnection, link: ConnectorLink) -> None:
        while link.state is not State.CLOSED:
            try:
                data = await websocket.get_message()
            except ConnectionClosed:
                link.lost("the connection broke")
            else:
                assert isinstance(data, bytes)
                link.receive(data, trio.current_time())
            while (event := link.next_event()) is not None:
                self._take(link, event)
            self._said.unpark_all()

    async def _write(
        self,
        websocket: WebSocketConnection,
        link: ConnectorLink,
        task_status: trio.TaskStatus[None],
    ) -> None:
        started = False
        while True:
            try:
                while (data := link.next_outgoing()) is not None:
                    await websocket.send_message(data)
            except ConnectionClosed:
                return
            if link.state is State.LIVE and not started:
                started = True
                task_status.started()
            with trio.move_on_at(link.next_deadline() or float("inf")):
                await self._said.park()
            link.handle_deadline(trio.current_time())

    def _take(self, link: ConnectorLink, event: events.Event) -> None:
        self.told.append(event)
        if not isinstance(event, events.MessageReceived):
            if isinstance(event, events.FramesReceived):
                link.consumed(Channel.FRAME)
            return
        self.got.append(event.message)
        match event.message:
            case ExchangeRequest() as request:
                result = self.answer(request)
                if result is not None:
                    self.send(result)
            case SessionClose(session) if self.closes:
                self.send(SessionClosed(session, safe=True))
        link.consumed(event.channel)

    def cut(self) -> None:
        """Break the present connection."""
        assert self.stream is not None
        self.stream.cut()

    async def cut_after(self, seconds: float) -> None:
        await trio.sleep(seconds)
        self.cut()

    async def send_frames(self, batch: bytes) -> None:
        """Send a batch as soon as the link takes it."""
        assert self.link is not None
        while not self.link.send_frames(batch):
            assert self.link.state is State.LIVE
            await trio.sleep(0.001)
        self._said.unpark_all()

    def asked(self) -> list[ExchangeRequest]:
        """Return the requests that came, over all connections."""
        return [message for message in self.got if isinstance(message, ExchangeRequest)]

    def of(self, kind: type[Message]) -> list[Message]:
        """Return the messages of one kind that came, over all connections."""
        return [message for message in self.got if isinstance(message, kind)]


def known_as(number: int) -> tuple[KnownConnector, str]:
    """Return another connector on record, and its UUID as it dials in."""
    uuid = UUID(int=number)
    return replace(KNOWN, number=100_000_000 + number, uuid=uuid), str(uuid)
