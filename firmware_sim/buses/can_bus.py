"""One CAN bus under Trio, whatever python-can interface it is on.

    async with open_bus("virtual:demo-1", fd=True) as bus:
        with bus.subscribe({(0x7E8, False)}) as feed:
            await bus.send(CanFrame(0x7E0, bytes.fromhex("0322F190CCCCCCCC")))
            answer = await feed.receive()

A bus can go away under us: an adapter is pulled, an interface is set down. Then sending raises
`BusGoneError`, the subscriptions stay, and the bus is opened again with a growing pause until it
is back. Nobody has to subscribe anew.
"""

from __future__ import annotations

import errno
import logging
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import can
import trio

from firmware_sim.buses.feed import FrameFeed
from firmware_sim.buses.ports import ClockUs, Port, open_port
from firmware_sim.buses.router import DEFAULT_CAPACITY, Accept, FrameKey, FrameRouter
from protocols.can.frame import CanFrame

log = logging.getLogger(__name__)

#: Pause before a lost bus is opened again, seconds; doubles up to the second number.
REOPEN_PAUSE = (0.2, 5.0)

#: Pause before a frame is tried again on a full transmit buffer: about one frame at 500 kbit/s.
BUSY_PAUSE = 0.000_25

#: What an operating system says when its transmit buffer is full; anything else is a lost bus.
_BUSY_ERRORS = frozenset({None, errno.ENOBUFS, errno.EAGAIN})


class BusError(Exception):
    """A frame could not be sent."""


class BusGoneError(BusError):
    """The bus cannot be reached now; it is being opened again."""


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
class BusAddress:
    """A bus as people write it: ``INTERFACE:CHANNEL``, both as python-can knows them.

    Attributes:
        interface: python-can's name for the kind of adapter.
        channel: which of them.
        options: what else the interface wants to be told.
    """

    interface: str
    channel: str
    options: tuple[tuple[str, str | int | bool], ...] = ()

    @classmethod
    def parse(cls, text: str) -> BusAddress:
        """Read ``socketcan:can0``, ``vector:0?app_name=gateway`` and so on.

        Options follow the channel as in a URL; numbers, ``true`` and ``false`` are taken as such.

        Raises:
            ValueError: it is not of this form.
        """
        place, question, query = text.partition("?")
        interface, colon, channel = place.partition(":")
        options = _options(query) if question else ()
        if not (interface and colon and channel) or options is None:
            raise ValueError(
                f"{text!r} names no bus: write INTERFACE:CHANNEL, for example virtual:demo-1, "
                "with ?NAME=VALUE&... where the interface has options"
            )
        return cls(interface, channel, options)


def _options(query: str) -> tuple[tuple[str, str | int | bool], ...] | None:
    """Return what a query says, or ``None`` where it is none."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True)
    except ValueError:
        return None
    return tuple((name, _value(text)) for name, text in pairs) or None


def _value(text: str) -> str | int | bool:
    if text in {"true", "false"}:
        return text == "true"
    try:
        return int(text, 0)
    except ValueError:
        return text


@dataclass(frozen=True, slots=True)
class _Opener:
    """How to open the port of one bus, the first time and again."""

    address: BusAddress
    clock_us: ClockUs
    options: dict[str, Any]  # Any: python-can takes keyword arguments by interface

    async def open(self, deliver: Callable[[CanFrame], None]) -> Port:
        address = self.address
        options = {**dict(address.options), **self.options}
        return await open_port(address.interface, address.channel, deliver, self.clock_us, options)


class CanBus:
    """An open bus; made by :func:`open_bus`, dead after its block. For the Trio thread only."""

    def __init__(self, name: str, *, fd: bool, opener: _Opener) -> None:
        self.name = name
        self.fd = fd
        self._opener = opener
        self._router = FrameRouter()
        self._port: Port | None = None
        self._sent = 0
        self._reopened = 0

    def send_nowait(self, frame: CanFrame) -> None:
        """Send ``frame`` at once.

        Raises:
            BusGoneError: the bus is not there.
            BusBusyError: the transmit buffer is full.
        """
        if self._port is None:
            raise BusGoneError(f"bus {self.name} is gone and is being opened again")
        try:
            stamped = self._port.send(frame)
        except (can.CanError, OSError) as error:
            raise self._meaning(error) from error
        self._sent += 1
        self._router.sent_frame(stamped)

    def _meaning(self, error: can.CanError | OSError) -> BusError:
        code = error.error_code if isinstance(error, can.CanError) else error.errno
        if isinstance(error, can.CanError) and code in _BUSY_ERRORS:
            return BusBusyError(f"bus {self.name} has a full transmit buffer: {error}")
        return BusGoneError(f"bus {self.name} is gone: {error}")

    async def send(self, frame: CanFrame) -> None:
        """Send ``frame``, waiting while the transmit buffer is full.

        Raises:
            BusGoneError: the bus is not there.
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
        return BusStatistics(
            self._port is not None, self._sent, self._router.received, self._reopened
        )

    async def connect(self) -> None:
        """Open the bus; :func:`open_bus` calls it first, then lets `keep_up` run.

        Raises:
            BusGoneError: it cannot be opened.
        """
        try:
            self._port = await self._opener.open(self._router.received_frame)
        except (can.CanError, OSError, ValueError, TypeError) as error:
            # TypeError: the address has an option that this interface does not know.
            raise BusGoneError(f"bus {self.name} cannot be opened: {error}") from error

    async def keep_up(self) -> None:
        """Pump the port; when it breaks, open another one, until cancelled."""
        while True:
            port = self._port
            if port is not None:
                await self._pump(port)
            await self._reopen()

    async def _pump(self, port: Port) -> None:
        try:
            await port.pump()
        except (can.CanError, OSError) as error:
            log.warning("bus %s is gone: %s", self.name, error)
        finally:
            self._port = None
            port.close()

    async def _reopen(self) -> None:
        pause, longest = REOPEN_PAUSE
        while self._port is None:
            await trio.sleep(pause)
            pause = min(pause * 2, longest)
            with suppress(BusGoneError):
                await self.connect()
        self._reopened += 1
        log.warning("bus %s is back", self.name)


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
        bitrate: bit/s, for interfaces that set it themselves.
        data_bitrate: bit/s of the CAN-FD data phase, likewise.
        clock_us: the clock of all frame stamps, microseconds; called in the Trio thread.

    Raises:
        BusGoneError: it cannot be opened the first time.
        ValueError: ``address`` is not of the form above.
    """
    options: dict[str, bool | int] = {"fd": True} if fd else {}
    rates = {"bitrate": bitrate, "data_bitrate": data_bitrate}
    options |= {name: rate for name, rate in rates.items() if rate is not None}
    bus = CanBus(address, fd=fd, opener=_Opener(BusAddress.parse(address), clock_us, options))
    await bus.connect()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(bus.keep_up)
        yield bus
        nursery.cancel_scope.cancel()
