"""One CAN bus under Trio, whatever python-can interface it is on.

    async with open_bus("virtual:demo-1", fd=True) as bus:
        with bus.subscribe({(0x7E8, False)}) as feed:
            await bus.send(CanFrame(0x7E0, bytes.fromhex("0322F190CCCCCCCC")))
            answer = await feed.receive()

A bus can go away under us: an adapter is pulled, an interface is set down. Then sending raises
`BusGoneError`, whoever asked for it is told, the subscriptions stay, and the bus is opened again
with a growing pause until it is back. Nobody has to subscribe anew.
"""

from __future__ import annotations

import errno
import logging
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass

import can
import trio

from firmware_sim.buses.address import BusAddress
from firmware_sim.buses.feed import FrameFeed
from firmware_sim.buses.fine_timer import FineTimer
from firmware_sim.buses.interface_link import set_interface
from firmware_sim.buses.ports import ClockUs, Port, open_port
from firmware_sim.buses.router import DEFAULT_CAPACITY, Accept, FrameKey, FrameRouter
from firmware_sim.buses.settings import BusSettings
from protocols.can.filters import FilterSet
from protocols.can.frame import CanFrame

log = logging.getLogger(__name__)

#: Pause before a lost bus is opened again, seconds; doubles up to the second number.
REOPEN_PAUSE = (0.2, 5.0)

#: Pause before a frame is tried again on a full transmit buffer: about one frame at 500 kbit/s.
BUSY_PAUSE = 0.000_25

#: How long a frame may wait for a full transmit buffer, seconds (N_As, ISO 15765-2 table 16): on a
#: bus where nobody acknowledges, it would wait for ever.
LONGEST_BUSY = 1.0

#: What an operating system says when its transmit buffer is full; anything else is a lost bus.
_BUSY_ERRORS = frozenset({None, errno.ENOBUFS, errno.EAGAIN})


class BusError(Exception):
    """A frame could not be sent."""


class BusGoneError(BusError):
    """The bus cannot be reached now; it is being opened again."""


class BusSilentError(BusError):
    """The bus is set to listen only."""


class BusBusyError(BusError):
    """The interface's transmit buffer is full."""


@dataclass(frozen=True, slots=True)
class BusStatistics:
    """Counters since the bus was first opened, and whether it is up now."""

    up: bool
    sent: int
    received: int
    reopened: int


@dataclass(frozen=True, slots=True)
class _Opener:
    """How to open the port of one bus, the first time and again."""

    address: BusAddress
    clock_us: ClockUs
    fd: bool

    async def open(self, deliver: Callable[[CanFrame], None], settings: BusSettings) -> Port:
        address = self.address
        if address.interface == "socketcan":
            await set_interface(address.channel, settings, fd=self.fd)
        options = {**dict(address.options), **settings.options(address.interface, fd=self.fd)}
        return await open_port(address.interface, address.channel, deliver, self.clock_us, options)


class _Change:
    """An order to run the bus otherwise."""

    def __init__(self, settings: BusSettings) -> None:
        self.settings = settings
        self.done = trio.Event()
        self.refusal: BusGoneError | None = None


class CanBus:
    """An open bus; made by :func:`open_bus`, dead after its block. For the Trio thread only.

    Attributes:
        name: its address.
        fd: it carries CAN-FD frames.
        settings: how it is run.
        fault: why it is down, for people; empty while it is up.
        timer: wakes whoever sends with separation times.
    """

    def __init__(self, name: str, *, fd: bool, opener: _Opener, settings: BusSettings) -> None:
        self.name = name
        self.fd = fd
        self.settings = settings
        self.fault = "not open yet"
        self.timer = FineTimer()
        self._opener = opener
        self._router = FrameRouter()
        self._port: Port | None = None
        self._condemned = ""
        self._busy_since: float | None = None
        self._pumping = trio.CancelScope()
        self._changing = trio.Lock()
        self._order: _Change | None = None
        self._stirred = trio.Event()
        self._changed = trio.Event()
        self._lost: list[Callable[[str], None]] = []
        self._watchers: list[Callable[[], None]] = []
        self._sent = 0
        self._reopened = 0

    def send_nowait(self, frame: CanFrame) -> None:
        """Send ``frame`` at once.

        Raises:
            BusGoneError: the bus is not there.
            BusSilentError: it is set to listen only.
            BusBusyError: the transmit buffer is full.
        """
        if self._port is None:
            raise BusGoneError(f"bus {self.name} is down and is being opened again: {self.fault}")
        if self.settings.listen_only:
            raise BusSilentError(f"bus {self.name} is set to listen only")
        try:
            stamped = self._port.send(frame)
        except (can.CanError, OSError) as error:
            raise self._meaning(error) from error
        self._busy_since = None
        self._sent += 1
        self._router.sent_frame(stamped)

    def _meaning(self, error: can.CanError | OSError) -> BusError:
        code = error.error_code if isinstance(error, can.CanError) else error.errno
        if isinstance(error, can.CanError) and code in _BUSY_ERRORS:
            now = trio.current_time()
            if self._busy_since is None:
                self._busy_since = now
            if now - self._busy_since < LONGEST_BUSY:
                return BusBusyError(f"bus {self.name} has a full transmit buffer: {error}")
        self._condemn(str(error))  # what cannot send is opened anew, even if it could still read
        return BusGoneError(f"bus {self.name} is gone: {error}")

    async def send(self, frame: CanFrame) -> None:
        """Send ``frame``, waiting while the transmit buffer is full.

        Raises:
            BusGoneError: the bus is not there.
            BusSilentError: it is set to listen only.
        """
        await trio.lowlevel.checkpoint()
        while True:
            try:
                return self.send_nowait(frame)
            except BusBusyError:
                await trio.sleep(BUSY_PAUSE)

    async def send_all(self, frames: Iterable[CanFrame]) -> None:
        """Send ``frames`` in order; a checkpoint only where the transmit buffer is full.

        Raises:
            BusGoneError: the bus is not there.
            BusSilentError: it is set to listen only.
        """
        for frame in frames:
            try:
                self.send_nowait(frame)
            except BusBusyError:
                await self.send(frame)

    @contextmanager
    def subscribe(
        self, keys: Collection[FrameKey], capacity: int = DEFAULT_CAPACITY
    ) -> Iterator[FrameFeed]:
        """Feed received data frames by identifier and format, such as ``{(0x7E8, False)}``."""
        with self._router.subscribe_ids(keys, capacity) as feed:
            yield feed

    @contextmanager
    def monitor(
        self, accept: Accept | None = None, capacity: int = DEFAULT_CAPACITY
    ) -> Iterator[FrameFeed]:
        """Feed every frame of the bus, ours included, that ``accept`` agrees to."""
        with self._router.monitor(accept, capacity) as feed:
            yield feed

    def statistics(self) -> BusStatistics:
        return BusStatistics(self.is_up, self._sent, self._router.received, self._reopened)

    # ------------------------------------------------------------ up, down, and otherwise

    @property
    def is_up(self) -> bool:
        """Tell whether the bus can be reached now."""
        return self._port is not None

    def when_lost(self, tell: Callable[[str], None]) -> None:
        """Have ``tell`` called with the reason whenever the bus goes down; it must not block."""
        self._lost.append(tell)

    def when_changed(self, tell: Callable[[], None]) -> None:
        """Have ``tell`` called when it goes down, comes back or is run otherwise, likewise."""
        self._watchers.append(tell)

    async def wait_changed(self) -> None:
        """Return when the bus goes down or comes back, or is run otherwise."""
        await self._changed.wait()

    async def configure(self, settings: BusSettings) -> None:
        """Run the bus otherwise from now on; what is under way on it ends.

        Raises:
            BusGoneError: it cannot be run so; it goes on as before.
        """
        async with self._changing:
            order = self._order = _Change(settings)
            self._condemn("its settings are being changed")
            self._stirred.set()
            await order.done.wait()
        if order.refusal is not None:
            raise order.refusal

    async def connect(self) -> None:
        """Open the bus; :func:`open_bus` calls it first, then lets `keep_up` run.

        Raises:
            BusGoneError: it cannot be opened.
        """
        try:
            self._port = await self._opener.open(self._router.received_frame, self.settings)
        except (can.CanError, OSError, ValueError, TypeError) as error:
            # TypeError: the address has an option that this interface does not know.
            raise BusGoneError(f"bus {self.name} cannot be opened: {error}") from error
        self.fault = self._condemned = ""
        self._busy_since = None

    async def keep_up(self) -> None:
        """Pump the port; when it breaks, open another one, until cancelled."""
        while True:
            order = self._order
            if order is not None:
                await self._change(order)
            elif self._port is not None:
                await self._pump(self._port)
            else:
                await self._reopen()

    async def _pump(self, port: Port) -> None:
        reason = ""
        try:
            with trio.CancelScope() as self._pumping:
                if not self._condemned:
                    await port.pump()
        except (can.CanError, OSError) as error:
            reason = str(error)
        except Exception as error:  # the boundary of an interface's driver
            reason = f"its driver failed: {error!r}"
            log.exception("the driver of bus %s failed", self.name)
        finally:
            self._close(reason or self._condemned or "it is being closed")

    def _condemn(self, reason: str) -> None:
        """Have the port closed and another one opened."""
        self._condemned = reason
        self._pumping.cancel()

    def _close(self, reason: str) -> None:
        """Let go of the port, and tell whoever has something under way."""
        port, self._port = self._port, None
        if port is None:
            return
        self.fault = reason
        with suppress(can.CanError, OSError):  # what is broken may not even close
            port.close()
        for tell in self._lost:
            tell(reason)
        self._tell_changed()

    async def _change(self, order: _Change) -> None:
        self._close(self._condemned)
        previous, self.settings = self.settings, order.settings
        self._apply_filters()
        try:
            await self.connect()
        except BusGoneError as error:
            order.refusal = error
            self.settings = previous
            self._apply_filters()
            with suppress(BusGoneError):  # then it is opened again, as any lost bus is
                await self.connect()
        finally:
            self._order = None
            order.done.set()
            self._tell_changed()

    async def _reopen(self) -> None:
        """Open the bus again with growing pauses, until it is back or to be run otherwise."""
        log.warning("bus %s is down: %s", self.name, self.fault)
        pause, longest = REOPEN_PAUSE
        while self._port is None and self._order is None:
            self._stirred = trio.Event()
            with trio.move_on_after(pause):
                await self._stirred.wait()
            pause = min(pause * 2, longest)
            if self._order is None:
                with suppress(BusGoneError):
                    await self.connect()
        if self._port is not None:
            self._reopened += 1
            log.warning("bus %s is back", self.name)
            self._tell_changed()

    def _apply_filters(self) -> None:
        rules = self.settings.filters
        self._router.accept = FilterSet(rules) if rules else None

    def _tell_changed(self) -> None:
        self._changed.set()
        self._changed = trio.Event()
        for tell in self._watchers:
            tell()


def monotonic_us() -> int:
    """Return the connector's clock in microseconds: the one that its link tells the gateway of."""
    return round(trio.current_time() * 1e6)


@asynccontextmanager
async def open_bus(
    address: str,
    *,
    fd: bool = False,
    bitrate: int | None = None,
    data_bitrate: int | None = None,
    clock_us: ClockUs = monotonic_us,
) -> AsyncIterator[CanBus]:
    """Open the bus at ``INTERFACE:CHANNEL`` and keep it open until the block ends.

    Args:
        address: for example ``virtual:demo-1`` or ``socketcan:can0``; see :class:`BusAddress`.
        fd: send and receive CAN-FD frames too.
        bitrate: bit/s; left out, the bus is run as it is.
        data_bitrate: bit/s of the CAN-FD data phase, likewise.
        clock_us: the clock of all frame stamps, microseconds; called in the Trio thread.

    Raises:
        BusGoneError: it cannot be opened the first time.
        ValueError: ``address`` is not of the form above.
    """
    opener = _Opener(BusAddress.parse(address), clock_us, fd)
    bus = CanBus(address, fd=fd, opener=opener, settings=BusSettings(bitrate, data_bitrate))
    await bus.connect()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(bus.keep_up)
        nursery.start_soon(bus.timer.run)
        yield bus
        nursery.cancel_scope.cancel()
