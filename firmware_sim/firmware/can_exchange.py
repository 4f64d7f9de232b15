"""Requests to control units on one CAN bus: ISO-TP and the UDS timing, at the vehicle.

Each exchange lives alone: a subscription, its connections and its policy machine are made when it
begins and thrown away when it ends. So an answer that comes too late finds nobody, and never a
newer exchange. One control unit has one exchange at a time, first come first served; different
control units are asked side by side.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import trio

from firmware_sim.buses.can_bus import BusGoneError, CanBus
from firmware_sim.buses.feed import FrameFeed
from firmware_sim.buses.router import FrameKey
from protocols.can.frame import CanFrame
from protocols.isotp.addressing import IsoTpAddress
from protocols.isotp.connection import IsoTpConnection
from protocols.isotp.events import (
    FaultReason,
    IsoTpEvent,
    PayloadReceived,
    PayloadSent,
    ReceptionStarted,
    TransportFault,
)
from protocols.isotp.params import IsoTpParams
from protocols.uds.outcome import Finished
from protocols.uds.policy import ExchangePolicy
from protocols.uds.tester import TesterExchange

#: What one control unit is told apart by: what we send to it and what it sends.
EcuKey = tuple[bool, int, int, int, int]


class CanExchanger:
    """Asks control units of one bus."""

    def __init__(self, bus: CanBus, params: IsoTpParams) -> None:
        self._bus = bus
        self._params = params
        self._turns: dict[EcuKey, trio.Lock] = {}

    async def exchange(
        self, address: IsoTpAddress, request: bytes, policy: ExchangePolicy
    ) -> Finished:
        """Ask one control unit and return how that went; it never raises for what the ECU does.

        Raises:
            LocalProtocolError: no such request can be sent: empty, or too long.
        """
        return await self._converse((address,), request, policy, functional=False)

    async def exchange_functional(
        self, addresses: Sequence[IsoTpAddress], request: bytes, policy: ExchangePolicy
    ) -> Finished:
        """Ask everybody with one frame and gather the answers of ``addresses``.

        Args:
            addresses: who may answer; the functional identifier is taken from the first. Flow
                control for long answers goes to each one's own request identifier.
            request: what fits into one frame.
            policy: how long to wait.

        Raises:
            LocalProtocolError: no such request can be sent to everybody.
        """
        return await self._converse(tuple(addresses), request, policy, functional=True)

    async def _converse(
        self,
        addresses: tuple[IsoTpAddress, ...],
        request: bytes,
        policy: ExchangePolicy,
        *,
        functional: bool,
    ) -> Finished:
        machine = TesterExchange(request, policy, functional=functional)
        keys = {key for address in addresses for key in address.rx_keys}
        async with self._turn(addresses):
            with self._bus.subscribe(keys) as feed:
                return await _Conversation(self._bus, addresses, self._params, machine).run(feed)

    @asynccontextmanager
    async def _turn(self, addresses: Iterable[IsoTpAddress]) -> AsyncIterator[None]:
        """Wait for one's turn with all of these control units.

        Turns are taken in the order of the keys, so that two exchanges with several control units
        cannot wait for each other for ever.
        """
        async with AsyncExitStack() as stack:
            for key in sorted({_ecu_key(address) for address in addresses}):
                lock = self._turns.setdefault(key, trio.Lock())
                stack.callback(self._forget, key, lock)
                await stack.enter_async_context(lock)
            yield

    def _forget(self, key: EcuKey, lock: trio.Lock) -> None:
        # Whoever scans a whole identifier range must not leave a lock for each behind.
        if not lock.locked():
            self._turns.pop(key, None)


def _ecu_key(address: IsoTpAddress) -> EcuKey:
    """Return what tells this control unit from others on its bus."""
    tx, rx = address.tx, address.rx
    prefixes = [-1 if end.prefix is None else end.prefix for end in (tx, rx)]
    return (address.extended, tx.id, prefixes[0], rx.id, prefixes[1])


class _Conversation:
    """One exchange on the bus: moves frames, payloads and time between the machines."""

    def __init__(
        self,
        bus: CanBus,
        addresses: tuple[IsoTpAddress, ...],
        params: IsoTpParams,
        machine: TesterExchange,
    ) -> None:
        self._bus = bus
        self._params = params
        self._machine = machine
        self._addresses: dict[FrameKey, list[IsoTpAddress]] = {}
        for address in addresses:
            for key in address.rx_keys:
                self._addresses.setdefault(key, []).append(address)
        self._asker = addresses[0]
        self._connections: dict[IsoTpAddress, IsoTpConnection] = {}

    async def run(self, feed: FrameFeed) -> Finished:
        self._machine.start(trio.current_time())
        while True:
            now = trio.current_time()
            self._receive(feed.take_nowait(), now)
            self._handle_deadlines(now)
            self._submit(now)
            await self._flush()
            self._take_events(trio.current_time())
            while (event := self._machine.next_event()) is not None:
                if isinstance(event, Finished):
                    return event
            with trio.move_on_at(self._next_deadline()):
                await feed.wait()

    def _receive(self, frames: list[CanFrame], now: float) -> None:
        for frame in frames:
            for address in self._addresses.get((frame.id, frame.extended), ()):
                if address.target_of(frame) is not None:
                    self._connection(address, now).receive(frame, now)

    def _connection(self, address: IsoTpAddress, now: float) -> IsoTpConnection:
        """Return the connection; it is made when the first frame needs it."""
        connection = self._connections.get(address)
        if connection is None:
            connection = IsoTpConnection(address, self._params, now=now)
            self._connections[address] = connection
        return connection

    def _handle_deadlines(self, now: float) -> None:
        for connection in self._connections.values():
            connection.handle_deadline(now)
        self._machine.handle_deadline(now)

    def _submit(self, now: float) -> None:
        request = self._machine.data_to_send()
        if request is not None:
            functional = self._machine.functional
            self._connection(self._asker, now).send(request, now, functional=functional)

    async def _flush(self) -> None:
        try:
            for connection in self._connections.values():
                await self._bus.send_all(connection.frames_to_send())
        except BusGoneError as error:
            self._connections.clear()  # what they say of this request does not count any more
            self._machine.transport_failed(str(error), trio.current_time())

    def _take_events(self, now: float) -> None:
        # After the flush: only now has a payload that was "sent" really left.
        for address, connection in self._connections.items():
            while (event := connection.next_event()) is not None:
                self._take_event(event, address.rx.id, now)

    def _take_event(self, event: IsoTpEvent, source: int, now: float) -> None:
        match event:
            case PayloadReceived(payload):
                self._machine.receive(payload, source, now)
            case ReceptionStarted():
                self._machine.reception_started(source, now)
            case PayloadSent():
                self._machine.sent(now)
            case TransportFault(FaultReason.INTERRUPTED):
                return  # the answer that interrupted it counts
            case TransportFault(reason, detail):
                text = f"{reason.value}: {detail}"
                self._machine.transport_failed(text, now, source)

    def _next_deadline(self) -> float:
        times = [connection.next_deadline() for connection in self._connections.values()]
        times.append(self._machine.next_deadline())
        return min((time for time in times if time is not None), default=math.inf)
