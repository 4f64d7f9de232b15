"""A gateway's machine wired to a connector's program, and a vehicle whose every move is written.

Nothing here has a socket: the link is the real machine of both ends (`Pair`), and time is Trio's.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Protocol, cast

import trio
from typing_extensions import override

from firmware_sim.firmware.connector import Connector
from firmware_sim.firmware.link import LinkClient
from firmware_sim.firmware.vehicle_side import FrameSource
from protocols.can.batch import encode_batch
from protocols.can.frame import CanFrame
from protocols.errors import RemoteProtocolError
from protocols.link import events
from protocols.link.buses import BusConfigure, BusConfigured, BusState
from protocols.link.connection import LinkConnection, LinkMemory, queue_message
from protocols.link.messages import (
    Channel,
    ExchangeRequest,
    ExchangeResponse,
    ExchangeResult,
    Message,
    SessionClosed,
    SessionOpen,
    StatusReport,
)
from protocols.link.state import Role, State
from protocols.link.vehicle import BusInfo, CanTarget, EcuInfo, FrameFilter, Target
from tests.support.link_pair import Pair

ENGINE = CanTarget(0x7E0, 0x7E8)
BODY = CanTarget(0x7E1, 0x7E9)

EXTENDED, DEFAULT, PRESENT = bytes.fromhex("1003"), bytes.fromhex("1001"), bytes.fromhex("3E80")


class Move(Protocol):
    """Returns what a control unit answers; raises nothing."""

    def __call__(self, request: bytes) -> ExchangeResult | bytes | None: ...


def agreeable(request: bytes) -> bytes | None:
    """Answer as a control unit that likes everything, and keeps quiet where it is asked to."""
    if request[0] in {0x10, 0x3E} and len(request) > 1 and request[1] & 0x80:
        return None
    return bytes((request[0] + 0x40, *request[1:]))


class WrittenVehicle:
    """A vehicle side that answers by a function and writes down what it was asked, and when.

    Attributes:
        asked: (seconds since the beginning, request id, request), in order.
        answer: what comes back; ``None`` is silence.
        takes: seconds each exchange takes.
        frames: what was put on the bus, in order.
        running: the watches that run now; ``watches`` has what they show.
        begun: watches that ever began.
    """

    def __init__(self) -> None:
        self.began = trio.current_time()
        self.asked: list[tuple[float, int, bytes]] = []
        self.answer: Move = agreeable
        self.takes = 0.0
        self.frames: list[bytes] = []
        self.frames_take = 0.0
        self.running: list[_EveryFlush] = []
        self.begun = 0
        self.bus_news = trio.Event()
        self.configured: list[BusConfigure] = []
        self.released: list[str] = []
        self.report = StatusReport(vin="WVWZZZAUZHP341562", voltage_mv=12_400, ignition=True)

    @property
    def buses(self) -> tuple[BusInfo, ...]:
        return (BusInfo("can0", "can", 500_000),)

    @property
    def ecus(self) -> tuple[EcuInfo, ...]:
        return (EcuInfo("engine", "can0", 0x7E0, 0x7E8),)

    async def exchange(self, number: int, target: Target, request: bytes) -> ExchangeResult:
        at = round(trio.current_time() - self.began, 3)
        self.asked.append((at, getattr(target, "request_id", 0), request))
        await trio.sleep(self.takes)
        answer = self.answer(request)
        if isinstance(answer, ExchangeResult):
            return answer
        responses = () if answer is None else (ExchangeResponse(0x7E8, answer, 0, 1, 2),)
        return ExchangeResult(number, responses)

    async def keep_alive(self, target: Target) -> None:
        await self.exchange(0, target, PRESENT)

    async def send_frames(self, batch: bytes) -> None:
        if batch == b"broken":
            raise RemoteProtocolError("no batch at all")
        await trio.sleep(self.frames_take)
        self.frames.append(batch)

    @asynccontextmanager
    async def monitor(
        self, bus: str, index: int, filters: tuple[FrameFilter, ...], flush: float
    ) -> AsyncIterator[FrameSource]:
        watch = _EveryFlush(self, bus, index, filters, flush)
        self.running.append(watch)
        try:
            yield watch
        finally:
            self.running.remove(watch)

    @property
    def watches(self) -> list[tuple[str, tuple[FrameFilter, ...]]]:
        return [(watch.bus, watch.filters) for watch in self.running]

    async def status(self) -> StatusReport:
        return self.report

    async def wait_buses_changed(self) -> None:
        await self.bus_news.wait()

    async def configure_bus(self, order: BusConfigure) -> BusConfigured:
        self.configured.append(order)
        return BusConfigured(order.id, BusState(order.bus, True))

    async def release_buses(self, session: str) -> None:
        self.released.append(session)

    def requests(self, request: bytes) -> list[float]:
        """Return when ``request`` was made."""
        return [at for at, _, made in self.asked if made == request]


class _EveryFlush:
    """Shows one frame each time its flush time has passed.

    Attributes:
        hurried: how often it was asked to.
        lost: the batches that the link did not take.
    """

    def __init__(
        self,
        vehicle: WrittenVehicle,
        bus: str,
        index: int,
        filters: tuple[FrameFilter, ...],
        flush: float,
    ) -> None:
        vehicle.begun += 1
        self.bus = bus
        self.filters = filters
        self._index = index
        self._flush = flush
        self.hurried = 0
        self.lost: list[bytes] = []

    def hurry(self) -> None:
        self.hurried += 1

    def not_taken(self, batch: bytes) -> None:
        self.lost.append(batch)

    async def next_batch(self) -> bytes:
        await trio.sleep(self._flush)
        return encode_batch(self._index, [CanFrame(0x123, b"\x01")])

    def change(self, filters: tuple[FrameFilter, ...], flush: float) -> bool:
        if any(it.id > 0x7FF and not it.extended for it in filters):
            return False
        self.filters, self._flush = filters, flush
        return True


class ProgramPair(Pair):
    """A pair whose connector end is a program's; the gateway end keeps what it is told."""

    program: Callable[[events.Event], None] | None = None

    @override
    def _react(self, end: LinkConnection, event: events.Event) -> None:
        if end is self.connector:
            if self.program is not None:
                self.program(event)
        else:
            super()._react(end, event)


class WiredGateway:
    """The gateway as a test plays it; to the program it is the link client.

    Attributes:
        told: every message the program has sent.
        batches: every batch of frames likewise.
        goodbyes: why the program ended the connection.
    """

    def __init__(self) -> None:
        self.told: list[Message] = []
        self.batches: list[bytes] = []
        self.goodbyes: list[str] = []
        self.handle: Callable[[events.Event], None] = lambda _event: None
        self._connector_memory = LinkMemory()
        self._gateway_memory: LinkMemory | None = None
        self._pair: ProgramPair | None = None

    # --- what the program sees ----------------------------------------------------------------

    @property
    def live(self) -> bool:
        return self._pair is not None and self._pair.connector.state is State.LIVE

    def send(self, message: Message) -> None:
        queue_message(self._connector_memory.delivery, message)
        self._flow()

    async def send_frames(self, batch: bytes) -> bool:
        await trio.lowlevel.checkpoint()
        taken = self._pair is not None and self._pair.connector.send_frames(batch)
        self._flow()
        return taken

    def consumed(self, channel: Channel) -> None:
        if self._pair is None:
            self._connector_memory.inbox.consumed(channel)
        else:
            self._pair.connector.consumed(channel)

    def goodbye(self, reason: str) -> None:
        self.goodbyes.append(reason)

    # --- what the test does -------------------------------------------------------------------

    def connect(self) -> None:
        """Let the connector dial in; it resumes if this gateway still knows its link."""
        pair = ProgramPair(
            connector_memory=self._connector_memory,
            gateway_memory=self._gateway_memory,
            now=trio.current_time(),
        )
        pair.program = self.handle
        self._pair = pair
        self._flow()
        assert self.live
        self._gateway_memory = pair.gateway.memory
        self._connector_memory = pair.connector.memory

    def forget(self) -> None:
        """Lose all memory of the link, as a restarted gateway does."""
        self._gateway_memory = None

    def cut(self) -> None:
        """Lose the connection."""
        assert self._pair is not None
        pair, self._pair = self._pair, None
        pair.cut()

    def order(self, *messages: Message) -> None:
        """Send messages to the program."""
        assert self._pair is not None
        for message in messages:
            queue_message(self._pair.gateway.memory.delivery, message)
        self._flow()

    def order_frames(self, batch: bytes) -> bool:
        """Send a batch to the vehicle's bus; tell whether there was credit for it."""
        assert self._pair is not None
        taken = self._pair.gateway.send_frames(batch)
        self._flow()
        return taken

    def ask(
        self, number: int, request: bytes, *, session: str = "s", target: Target = ENGINE
    ) -> None:
        self.order(ExchangeRequest(number, session, target, request))

    def results(self) -> list[ExchangeResult]:
        return [message for message in self.told if isinstance(message, ExchangeResult)]

    def closed(self) -> list[SessionClosed]:
        return [message for message in self.told if isinstance(message, SessionClosed)]

    def reports(self) -> list[StatusReport]:
        return [message for message in self.told if isinstance(message, StatusReport)]

    def _flow(self) -> None:
        pair = self._pair
        if pair is None:
            return
        pair.now = trio.current_time()
        pair.flow()
        heard, pair.events[Role.GATEWAY] = pair.events[Role.GATEWAY], []
        for event in heard:
            if isinstance(event, events.MessageReceived):
                self.told.append(event.message)
            elif isinstance(event, events.FramesReceived):
                self.batches.append(event.batch)


@asynccontextmanager
async def open_program(
    vehicle: WrittenVehicle | None = None,
) -> AsyncIterator[tuple[WiredGateway, WrittenVehicle]]:
    """Run a connector's program in a written vehicle, connected, while the block runs."""
    vehicle = vehicle or WrittenVehicle()
    gateway = WiredGateway()
    async with trio.open_nursery() as nursery:
        connector = Connector(vehicle, nursery)
        # The program needs four members of the client; the wired gateway has them.
        connector.attach(cast("LinkClient", gateway))
        gateway.handle = connector.handle
        gateway.connect()
        nursery.start_soon(connector.report_status)
        nursery.start_soon(connector.write_frames)
        yield gateway, vehicle
        nursery.cancel_scope.cancel()


def opened(session: str = "s", *, writer: bool = True, grace: float = 30.0) -> SessionOpen:
    return SessionOpen(session, writer, round(grace * 1000))
