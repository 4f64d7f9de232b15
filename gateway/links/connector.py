"""A connector as the rest of the gateway sees it, however often its connection breaks."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import replace

import trio

from gateway.domain.connector import ConnectorStatus, KnownConnector
from gateway.domain.errors import Conflict, GatewayError, NotFound, TooLarge, Unavailable
from gateway.links import refusals
from gateway.links.bus_orders import BusOrders
from gateway.links.counters import LinkCounters
from gateway.links.exchanges import Done, Exchanges
from gateway.links.jobs import JobPost
from gateway.links.monitors import FrameFeed, Monitors
from gateway.links.pump import Pump
from gateway.links.tester import Tester
from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.link import events
from protocols.link.buses import BusConfigured
from protocols.link.connection import LinkMemory, queue_message
from protocols.link.delivery import ChannelFull
from protocols.link.gateway import GatewayLink
from protocols.link.messages import (
    Channel,
    CloseCode,
    ExchangeResult,
    Message,
    MonitorStart,
    MonitorStop,
    SessionClose,
    SessionClosed,
    SessionOpen,
    StatusReport,
)
from protocols.link.state import State
from protocols.link.vehicle import Capabilities, FrameFilter, Target

#: Tell the world of a new round-trip time only when it moved by this much, milliseconds.
ROUND_TRIP_STEP = 10.0


class LiveConnector:
    """One connector, from its first welcome to the end of its last resume window.

    Owned by the registry. Between connections requests wait in its memory; when the window has
    passed, they fail.

    Args:
        known: who it is.
        capabilities: what it said it offers.
        memory: numbering and replay of its link.
        changed: called when its status changed in a way that is worth telling.
        frame_flush: longest wait of a raw frame for its batch, seconds.
        counters: counts raw frames.
        jobs: takes what it says of transfer jobs.
    """

    def __init__(
        self,
        known: KnownConnector,
        capabilities: Capabilities,
        memory: LinkMemory,
        changed: Callable[[LiveConnector], None],
        *,
        frame_flush: float,
        counters: LinkCounters,
        jobs: JobPost | None = None,
    ) -> None:
        self.known = known
        self.capabilities = capabilities
        self.memory = memory
        self.status = ConnectorStatus()
        self.clock_offset_us = 0
        self.generation = 0
        #: Runs exchanges where the connector has no ISO-TP on board; a task of each connection.
        self.tester: Tester | None = None
        self._changed = changed
        self._pump: Pump | None = None
        first = int.from_bytes(memory.delivery.token[:4], "big") + 1
        self._exchanges = Exchanges(self.send, first=first)
        #: Orders to run its buses otherwise.
        self.buses = BusOrders(self.send, first=first)
        self._jobs = jobs or JobPost()
        #: Who listens to its buses.
        self.monitors = Monitors(self._try_send, frame_flush, counters)
        self.monitors.offer(tuple(bus.name for bus in capabilities.buses))
        self._sessions: dict[str, SessionOpen] = {}
        self._closing: dict[str, trio.Event] = {}
        # What the connector said of sessions that are being closed, or that it closed by itself.
        self._closed: dict[str, SessionClosed] = {}

    # --- its connections -------------------------------------------------------------------

    @property
    def connected(self) -> bool:
        """A connection is up at this moment."""
        return self._pump is not None and self._pump.link.state is State.LIVE

    @property
    def is_working(self) -> bool:
        """Somebody has a session open here, or one is being closed."""
        return bool(self._sessions or self._closing)

    def attach(self, pump: Pump, capabilities: Capabilities) -> None:
        """Take over a connection; a former one has been sent away before."""
        self._pump = pump
        self.capabilities = capabilities
        self.monitors.offer(tuple(bus.name for bus in capabilities.buses))
        if capabilities.isotp:
            self.tester = None
        elif self.tester is None:
            self.tester = Tester(self)
        self._attend()

    def _attend(self) -> None:
        """Let a loss be found soon while sessions are open, and cheaply while none is."""
        if self._pump is not None and isinstance(self._pump.link, GatewayLink):
            self._pump.link.attend(trio.current_time(), working=self.is_working)
            self._pump.flush()

    def detach(self, pump: Pump) -> bool:
        """Let go of a connection that has ended; tell whether it was the present one."""
        if self._pump is not pump:
            return False
        self._pump = None
        return True

    def end_connection(self, code: CloseCode, reason: str) -> None:
        """Send the present connection away, if there is one."""
        if self._pump is not None:
            self._pump.end(code, reason)

    def handle(self, event: events.Event) -> None:
        """Take what the link's machine tells."""
        match event:
            case events.Live(resumed):
                self._on_live(resumed=resumed)
            case events.MessageReceived(message, channel):
                self._on_message(message)
                self._link_consumed(channel)
            case events.FramesReceived(batch):
                self._on_frames(batch)
                self._link_consumed(Channel.FRAME)
            case events.RoundTripMeasured(seconds, offset):
                self._on_round_trip(seconds * 1000, offset)
            case _:
                return

    def _on_live(self, *, resumed: bool) -> None:
        if resumed:
            self.monitors.catch_up()
            return
        # The other side has forgotten everything: say again what holds.
        self.generation += 1
        self._exchanges.fail(refusals.restarted)
        self.buses.fail(refusals.restarted)
        for done in self._closing.values():
            done.set()  # it has ended what it had open by itself
        self._closed.clear()
        for opened in self._sessions.values():
            self.send(opened)
        self.monitors.restore()
        self._jobs.begun_anew(self.known.uuid)

    def _on_message(self, message: Message) -> None:
        match message:
            case ExchangeResult():
                self._exchanges.finish(message)
            case StatusReport():
                self._on_status(message)
            case SessionClosed():
                self._on_session_closed(message)
            case BusConfigured():
                self.buses.finish(message)
            case _:
                if not self._jobs.take(self.known.uuid, message):
                    foreign = f"{type(message).__name__} is not for a gateway"
                    self.end_connection(CloseCode.PROTOCOL, foreign)

    def _on_session_closed(self, message: SessionClosed) -> None:
        session = message.session
        if session in self._closing:
            self._closed[session] = message
            self._closing[session].set()
        elif self._sessions.pop(session, None) is not None:
            self._closed[session] = message  # its grace has passed; close_session() tells
            self._attend()
            if self.tester is not None:
                self.tester.forget(session)

    def _on_frames(self, batch: bytes) -> None:
        try:
            self.monitors.deliver(batch)
        except RemoteProtocolError as error:
            self.end_connection(CloseCode.PROTOCOL, str(error))

    def _on_status(self, report: StatusReport) -> None:
        self._set_status(
            replace(
                self.status,
                # Without ISO-TP on board the number is read here; the report has none.
                vin=report.vin if self.tester is None else self.status.vin,
                voltage=None if report.voltage_mv is None else report.voltage_mv / 1000,
                ignition=report.ignition,
                wifi=report.wifi,
                buses=report.buses,
            )
        )

    def identified(self, vin: str) -> None:
        """Take the vehicle's number, read from here."""
        self._set_status(replace(self.status, vin=vin))

    def _on_round_trip(self, milliseconds: float, offset_us: int) -> None:
        self.clock_offset_us = offset_us
        known = self.status.round_trip_ms
        if known is None or abs(known - milliseconds) >= ROUND_TRIP_STEP:
            self._set_status(replace(self.status, round_trip_ms=round(milliseconds, 1)))

    def _set_status(self, status: ConnectorStatus) -> None:
        if status != self.status:
            self.status = status
            self._changed(self)

    # --- what others ask of it ---------------------------------------------------------------

    async def exchange(self, session: str, target: Target, request: bytes) -> ExchangeResult:
        """Run one request at the vehicle.

        Raises:
            Unavailable: too many requests in flight, or the link was lost for good.
        """
        if self.tester is not None:
            return await self.tester.exchange(session, target, request)
        return await self._exchanges.exchange(session, target, request)

    def start_exchange(
        self, session: str, target: Target, request: bytes, done: Done, *, until: float
    ) -> bool:
        """Send a request without waiting; ``done`` gets what comes of it, at ``until`` at last.

        Returns:
            False where this connector's exchanges need a task (it carries frames only); nothing
            was sent then, and :meth:`exchange` does it.

        Raises:
            Unavailable: too many requests in flight.
        """
        if self.tester is not None:
            return False
        self._exchanges.start(session, target, request, done, until=until)
        return True

    def expire_exchanges(self, now: float, reason: Callable[[], GatewayError]) -> None:
        """End the waits that :meth:`start_exchange` bounded."""
        self._exchanges.expire(now, reason)

    def open_session(self, session: str, *, writer: bool, grace: float) -> None:
        """Begin a session at the connector, or change whether it holds the lease.

        Args:
            session: its id.
            writer: it holds the lease.
            grace: seconds for which tester present goes on when the link is lost.

        Raises:
            Unavailable: too much waits for this connector already.
        """
        delivery = self.memory.delivery
        if delivery.waiting(Channel.CONTROL) >= delivery.limits.queued // 2:
            raise refusals.busy()  # the other half is for closing what is open
        opened = SessionOpen(session, writer, round(grace * 1000))
        self.send(opened)
        self._sessions[session] = opened
        self._attend()

    def has_session(self, session: str) -> bool:
        """Tell whether a session is open here; it ends with the link, or with its own grace."""
        return session in self._sessions

    async def close_session(self, session: str) -> SessionClosed:
        """End a session and wait until the vehicle is in its safe state.

        Raises:
            NotFound: no such session at this connector.
            Conflict: it is being closed already.
            Unavailable: the link was lost for good; the connector then does it by itself.
        """
        if session in self._closing:
            raise Conflict("session.closing", "This session is being closed already.")
        if session in self._closed:
            return self._closed.pop(session)
        if session not in self._sessions:
            raise NotFound("session.unknown", "This connector has no such session.")
        del self._sessions[session]
        done = self._closing[session] = trio.Event()
        trouble: list[str] = []
        try:
            if self.tester is not None:
                trouble = await self.tester.release(session)
            self.send(SessionClose(session))
            await done.wait()
        finally:
            del self._closing[session]
            closed = self._closed.pop(session, None)
            self._attend()
        if closed is None:
            raise refusals.restarted() if self.connected else refusals.gone()
        if trouble:
            return SessionClosed(session, safe=False, detail="; ".join(trouble))
        return closed

    def listen(
        self, bus: str, filters: tuple[FrameFilter, ...] = ()
    ) -> AbstractContextManager[FrameFeed]:
        """Return a context manager whose block gets a feed of a bus's frame batches.

        The block is left at its next wait when the connector is given up or loses this bus.

        Raises:
            NotFound: the connector has no such bus.
        """
        names = [known.name for known in self.capabilities.buses]
        if bus not in names:
            raise NotFound(
                "connector.unknown_bus",
                f"This connector has no bus {bus!r}; it has {', '.join(names) or 'none'}.",
                field="bus",
            )
        return self.monitors.listen(bus, filters)

    async def write_frames(self, batch: bytes) -> None:
        """Send a batch of frames to the vehicle; waits while the link has no room for it.

        Raises:
            Unavailable: the connector is not connected.
            TooLarge: no message can hold this batch.
        """
        try:
            taken = self._pump is not None and await self._pump.write_frames(batch)
        except LocalProtocolError as error:
            raise TooLarge("frames.too_large", f"Send fewer frames at once: {error}.") from error
        if not taken:
            raise refusals.interrupted()
        with suppress(RemoteProtocolError):  # what it holds is the business of its maker
            self.monitors.written(batch)

    def abandon(self) -> None:
        """The resume window has passed: everything in flight fails now."""
        self._exchanges.fail(refusals.gone)
        self.buses.fail(refusals.gone)
        self.monitors.end()
        self._sessions.clear()
        for done in self._closing.values():
            done.set()

    def send(self, message: Message) -> None:
        """Queue a numbered message; raises ``Unavailable`` where too much waits already."""
        try:
            queue_message(self.memory.delivery, message)
        except ChannelFull:
            raise refusals.busy() from None
        if self._pump is not None:
            self._pump.flush()

    def _try_send(self, message: MonitorStart | MonitorStop) -> bool:
        if not self.connected:
            return False
        try:
            self.send(message)
        except Unavailable:
            return False
        return True

    def _link_consumed(self, channel: Channel) -> None:
        if self._pump is not None:
            self._pump.link.consumed(channel)
