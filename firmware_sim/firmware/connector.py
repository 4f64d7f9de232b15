"""The connector's program: what the gateway asks for, done at the vehicle.

    link  ->  Connector  ->  VehicleSide (buses, ISO-TP, UDS timing)

Each request runs in a task of its own, so that a control unit that takes its time holds up
nobody. What a session opened is put back when it ends, and also when the gateway is gone for
longer than the session's grace.
"""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import trio

from firmware_sim.firmware.link import Backoff, Identity, LinkClient
from firmware_sim.firmware.sessions import Sessions
from firmware_sim.firmware.transfer_jobs import TransferJobs
from firmware_sim.firmware.transfer_store import TransferStore
from firmware_sim.firmware.vehicle_side import FrameSource, VehicleSide
from protocols.diagnosis.transfer_conflict import concerns
from protocols.diagnosis.transfer_debts import inherited
from protocols.errors import RemoteProtocolError
from protocols.link import events
from protocols.link.buses import BusConfigure, BusConfigured
from protocols.link.credit import DEFAULT_WINDOWS
from protocols.link.delivery import ChannelFull
from protocols.link.jobs import JobStart
from protocols.link.messages import (
    Channel,
    ExchangeRequest,
    ExchangeResult,
    FileMessage,
    JobMessage,
    Message,
    MonitorStart,
    MonitorStop,
    SessionClose,
    SessionClosed,
    SessionOpen,
    StatusReport,
)
from protocols.link.vehicle import Capabilities

#: How often voltage, VIN and ignition are looked at, seconds.
STATUS_INTERVAL = 5.0

#: Requests in work at once; the link's credit keeps the gateway from sending more.
MAX_AT_WORK = 128


#: Version of this firmware and of the device it pretends to be, as the portal shows them.
SOFTWARE_VERSION = 100
HARDWARE_VERSION = 1


@dataclass(slots=True, eq=False)
class _Watch:
    """A monitor that the gateway ordered; ``source`` is there once its task has begun."""

    order: MonitorStart
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)
    source: FrameSource | None = None

    def change(self, order: MonitorStart) -> bool:
        """Go on by another order, if that can be."""
        if order.index != self.order.index:
            return False
        if self.source is not None and not self.source.change(order.filters, _flush(order)):
            return False
        self.order = order
        return True


def _flush(order: MonitorStart) -> float:
    return order.flush_ms / 1000


class Connector:
    """One connector at work. Owned by :func:`run_connector`."""

    def __init__(
        self, vehicle: VehicleSide, nursery: trio.Nursery, store: TransferStore | None = None
    ) -> None:
        self._vehicle = vehicle
        self._nursery = nursery
        self._link: LinkClient | None = None
        self._sessions = Sessions(vehicle.exchange, vehicle.release_buses, nursery, self._tell)
        #: Whole transfers, which outlive links and sessions.
        self.transfers = TransferJobs(
            vehicle,
            store or TransferStore(),
            nursery,
            self._send,
            lambda: self.link.live,
        )
        self._monitors: dict[str, _Watch] = {}
        self._reported: StatusReport | None = None
        self._slots = trio.CapacityLimiter(MAX_AT_WORK)
        # As many as the link has credit for, so it is never full.
        self._batches, self._to_write = trio.open_memory_channel[bytes](
            DEFAULT_WINDOWS[Channel.FRAME]
        )

    def attach(self, link: LinkClient) -> None:
        """Take the link that this connector speaks through."""
        self._link = link

    @property
    def link(self) -> LinkClient:
        """The link."""
        if self._link is None:
            raise AssertionError("attach() comes first")
        return self._link

    def handle(self, event: events.Event) -> None:
        """Take what the link tells; never blocks."""
        match event:
            case events.Live(resumed):
                self._on_live(resumed=resumed)
                self.transfers.link_live(resumed=resumed)
            case events.Closed():
                self._sessions.link_lost()
            case events.MessageReceived(message, channel):
                self._on_message(message, channel)
            case events.FramesReceived(batch):
                self._batches.send_nowait(batch)
            case _:
                return

    def _on_live(self, *, resumed: bool) -> None:
        if resumed:
            self._sessions.link_back()
        else:
            # The gateway knows nothing of what was: sessions end, monitors stop.
            self._sessions.abandon_all()
            for bus in tuple(self._monitors):
                self._stop_monitor(bus)
        # Nobody heard what changed while the link was gone.
        if self._reported is not None:
            self._tell(self._reported)

    def _on_message(self, message: Message, channel: Channel) -> None:
        if isinstance(message, JobMessage | FileMessage):
            self._on_job(message)
            self.link.consumed(channel)
            return
        match message:
            case ExchangeRequest():
                self._spawn(self._exchange, message)
                return  # consumed once it is done: that is what bounds the work in hand
            case SessionOpen(session, writer, grace_ms):
                self._sessions.open(session, writer=writer, grace=grace_ms / 1000)
            case SessionClose(session):
                self._spawn(self._close_session, session)
            case MonitorStart():
                self._start_monitor(message)
            case MonitorStop(bus):
                self._stop_monitor(bus)
            case BusConfigure():
                self._spawn(self._configure_bus, message)
            case _:
                self.link.goodbye(f"{type(message).__name__} is not for a connector")
        self.link.consumed(channel)

    def _spawn(self, work: Callable[..., Awaitable[None]], *arguments: object) -> None:
        self._nursery.start_soon(work, *arguments)

    async def _exchange(self, message: ExchangeRequest) -> None:
        try:
            async with self._slots:
                occupant = self.transfers.occupant(message.target)
                result = (
                    ExchangeResult(
                        message.id,
                        failure="refused",
                        detail=f"job {occupant} works on this control unit",
                    )
                    if occupant
                    else await self._sessions.exchange(message)
                )
            self.link.send(result)
            self._hurry()
        except ChannelFull:
            # The gateway has been gone for so long that its results fill the queue; it will
            # give these requests up with the resume window.
            return
        finally:
            self.link.consumed(Channel.EXCHANGE)

    def _hurry(self) -> None:
        """Send the frames up to this moment right behind a result.

        Control units' frames and what they meant arrive together then, and a batch that is still
        small goes while the next exchange is at the vehicle, not when its result wants to go.
        """
        for watch in self._monitors.values():
            if watch.source is not None:
                watch.source.hurry()

    def _send(self, message: Message) -> None:
        self.link.send(message)

    def _on_job(self, order: JobMessage | FileMessage) -> None:
        if not isinstance(order, JobStart):
            self.transfers.take(order)
            return
        # From now on the job looks after its control unit, and not the session.
        allowed = self._sessions.is_writer(order.session)
        unit = order.order.target
        opened = self._sessions.hand_over(lambda target: concerns(target, unit)) if allowed else []
        self.transfers.start(order, allowed=allowed, inherited=inherited(opened))

    async def _close_session(self, session: str) -> None:
        self._tell(await self._sessions.close(session))

    async def _configure_bus(self, order: BusConfigure) -> None:
        if self._sessions.is_writer(order.session):
            self._tell(await self._vehicle.configure_bus(order))
            if not self._sessions.is_writer(order.session):  # it has ended meanwhile
                await self._vehicle.release_buses(order.session)
        else:
            text = "no session with the lease asked for this"
            self._tell(BusConfigured(order.id, None, "refused", text))

    def _tell(self, message: SessionClosed | StatusReport | BusConfigured) -> None:
        # With a full queue the gateway has been gone for long; it asks again, or gives us up.
        with suppress(ChannelFull):
            self.link.send(message)

    async def write_frames(self) -> None:
        """Put the gateway's frames on the vehicle's buses, in their order; runs for ever."""
        async for batch in self._to_write:
            try:
                await self._vehicle.send_frames(batch)
            except RemoteProtocolError as error:
                self.link.goodbye(str(error))
            finally:
                self.link.consumed(Channel.FRAME)

    def _start_monitor(self, order: MonitorStart) -> None:
        running = self._monitors.get(order.bus)
        if running is not None and running.change(order):
            return
        self._stop_monitor(order.bus)
        # On record at once: the order to stop may come before the task has run.
        watch = self._monitors[order.bus] = _Watch(order)
        self._spawn(self._monitor, watch)

    def _stop_monitor(self, bus: str) -> None:
        watch = self._monitors.pop(bus, None)
        if watch is not None:
            watch.scope.cancel()

    async def _monitor(self, watch: _Watch) -> None:
        order = watch.order
        with watch.scope:
            async with self._vehicle.monitor(
                order.bus, order.index, order.filters, _flush(order)
            ) as source:
                watch.source = source
                while True:
                    batch = await source.next_batch()
                    if not await self.link.send_frames(batch):
                        source.not_taken(batch)

    async def report_status(self) -> None:
        """Tell the gateway how the vehicle is, whenever that changed; runs for ever."""
        while True:
            report = await self._vehicle.status()
            if report != self._reported:
                self._reported = report
                if self.link.live:
                    self._tell(report)
            with trio.move_on_after(STATUS_INTERVAL):
                await self._vehicle.wait_buses_changed()


@dataclass(frozen=True, slots=True)
class Dial:
    """Where and as whom a connector dials in.

    Attributes:
        url: the gateway's link port, ``ws://`` or ``wss://``.
        identity: UUID, and private key if that is what proves it.
        tls: context for ``wss://``, with the client certificate if there is one; the system's
            trust store when left out.
        backoff: pauses between attempts.
    """

    url: str
    identity: Identity
    tls: ssl.SSLContext | None = None
    backoff: Backoff | None = None


async def run_connector(
    vehicle: VehicleSide,
    dial: Dial,
    random: Random,
    *,
    isotp: bool = True,
    data: Path | None = None,
) -> None:
    """Be a connector until cancelled.

    Args:
        vehicle: what it is plugged into.
        dial: where it dials in, and as whom.
        random: for the jitter between attempts.
        isotp: it offers exchanges and transfer jobs, and not raw frames only.
        data: folder for jobs and images; left out, they do not outlive this call.

    Raises:
        LinkRefusedError: the gateway refused this connector for good.
    """
    async with trio.open_nursery() as nursery:
        connector = Connector(vehicle, nursery, TransferStore(data))
        link = LinkClient(
            dial.url,
            dial.identity,
            Capabilities(
                buses=vehicle.buses,
                ecus=vehicle.ecus,
                isotp=isotp,
                jobs=isotp,
                software=SOFTWARE_VERSION,
                hardware=HARDWARE_VERSION,
            ),
            connector.handle,
            random=random,
            tls=dial.tls,
            backoff=dial.backoff,
        )
        connector.attach(link)
        nursery.start_soon(connector.report_status)
        nursery.start_soon(connector.write_frames)
        await nursery.start(connector.transfers.serve)
        await link.run()
