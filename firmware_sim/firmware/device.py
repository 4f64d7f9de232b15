"""The device between link and vehicle: what the gateway asks for, done on the right bus.

Everything that can go wrong with an exchange is part of its result, in the link's words; nothing
that the gateway sends raises here but a frame batch that breaks the protocol.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Protocol

import msgspec
import trio

from firmware_sim.buses.can_bus import BusGoneError, BusSilentError, CanBus
from firmware_sim.firmware.bus_setup import BusSetup
from firmware_sim.firmware.can_exchange import CanExchanger
from firmware_sim.firmware.monitor import Monitor, watch
from firmware_sim.firmware.status import Plug, VehicleStatus
from protocols.can.batch import decode_batch
from protocols.can.filters import CanFilter
from protocols.diagnosis.patience import Patience
from protocols.diagnosis.results import to_result
from protocols.diagnosis.route import Routes, UnknownBusError
from protocols.diagnosis.sessions import TESTER_PRESENT, target_name
from protocols.diagnosis.targets import target_of
from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.isotp.connection import IsoTpConnection
from protocols.link.buses import BusConfigure, BusConfigured, BusState
from protocols.link.messages import ExchangeResult, StatusReport
from protocols.link.vehicle import BusInfo, DoipTarget, EcuInfo, FrameFilter, Target
from protocols.uds.outcome import Finished
from protocols.uds.policy import ExchangePolicy

log = logging.getLogger(__name__)

#: What bus and machine may add to the times that control units state, in seconds, unless the
#: device is told otherwise. The network between gateway and device has no part in it.
MARGIN = 0.05

#: How patient the device is at first.
FIRST_POLICY = ExchangePolicy(margin=MARGIN)


class DoipExchanger(Protocol):
    """What the device needs of the DoIP side."""

    async def exchange(
        self, target: DoipTarget, request: bytes, policy: ExchangePolicy
    ) -> Finished: ...

    @property
    def connected(self) -> bool: ...

    @property
    def fault(self) -> str: ...


class FrameSource(Protocol):
    """A running watch on a bus."""

    async def next_batch(self) -> bytes: ...

    def hurry(self) -> None: ...

    def not_taken(self, batch: bytes) -> None: ...

    def change(self, filters: tuple[FrameFilter, ...], flush: float) -> bool: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """What the device is connected to.

    Attributes:
        buses: the vehicle's buses as the gateway is told of them.
        ecus: its control units likewise.
        can: the open CAN buses by name.
        doip: the DoIP side, where the vehicle has one.
        plug: voltage and ignition.
        isotp: ISO-TP and the UDS timing run on board; without them the device carries raw frames
            and refuses exchanges.
        margin: what bus, adapter and this machine may add to the times that control units state,
            in seconds.
    """

    buses: tuple[BusInfo, ...]
    ecus: tuple[EcuInfo, ...]
    can: Mapping[str, CanBus] = field(default_factory=dict)
    doip: DoipExchanger | None = None
    plug: Plug
    isotp: bool = True
    margin: float = MARGIN


class Device:
    """The vehicle side of a connector; lives as long as its buses are open."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring
        self._routes = Routes(wiring.buses, wiring.ecus)
        self._exchangers = {name: CanExchanger(bus) for name, bus in wiring.can.items()}
        self._setup = BusSetup(wiring.can, wiring.buses)
        self._patience = Patience(replace(FIRST_POLICY, margin=wiring.margin))
        # Without ISO-TP on board the vehicle's number is nothing this device could ask for.
        targets = self._targets() if wiring.isotp else ()
        self._status = VehicleStatus(wiring.plug, targets, self.ask)

    @property
    def buses(self) -> tuple[BusInfo, ...]:
        """The buses, in the order their batches are numbered."""
        return self._wiring.buses

    @property
    def ecus(self) -> tuple[EcuInfo, ...]:
        """The control units known."""
        return self._wiring.ecus

    @property
    def isotp(self) -> bool:
        """Tell whether exchanges are offered, and not raw frames only."""
        return self._wiring.isotp

    # ------------------------------------------------------------ exchanges

    async def exchange(self, number: int, target: Target, request: bytes) -> ExchangeResult:
        """Run one request to its end; failures are part of the result, never raised."""
        if not self.isotp:
            return ExchangeResult(
                number, failure="refused", detail="this device carries raw frames only"
            )
        try:
            outcome = await self.ask(target, request)
        except UnknownBusError as error:
            return ExchangeResult(number, failure="unknown_bus", detail=str(error))
        except LocalProtocolError as error:
            return ExchangeResult(number, failure="refused", detail=str(error))
        self._status.saw(outcome)
        return to_result(number, outcome)

    async def ask(self, target: Target, request: bytes) -> Finished:
        """Run one request with the patience that fits the control unit.

        Raises:
            UnknownBusError: the target's bus is not there.
            LocalProtocolError: no such request can be sent.
        """
        outcome = await self._run(target, request, self._patience.of(target))
        self._patience.saw(target, request, outcome)
        return outcome

    async def keep_alive(self, target: Target) -> None:
        """Send tester present, and wait for nobody; what cannot be sent is left out.

        To everybody on a CAN bus it goes beside whatever is asked there: the answer is suppressed,
        and a control unit that erases its memory for half a minute must not keep it from others.
        """
        try:
            route = self._routes.find(target)
            if isinstance(route, DoipTarget) or not route.functional:
                await self.ask(target, TESTER_PRESENT)
                return
            connection = IsoTpConnection(route.addresses[0], route.params)
            connection.send(TESTER_PRESENT, trio.current_time(), functional=True)
            await self._wiring.can[route.bus].send_all(connection.frames_to_send())
        except (UnknownBusError, LocalProtocolError, BusGoneError, BusSilentError) as error:
            log.warning("no tester present to %s: %s", target_name(target), error)

    async def _run(self, target: Target, request: bytes, policy: ExchangePolicy) -> Finished:
        route = self._routes.find(target)
        if isinstance(route, DoipTarget):
            return await self._doip().exchange(route, request, policy)
        return await self._exchangers[route.bus].exchange(route, request, policy)

    def _doip(self) -> DoipExchanger:
        if self._wiring.doip is None:
            raise AssertionError("a DoIP bus was announced and is not wired")
        return self._wiring.doip

    # ------------------------------------------------------------ frames

    async def send_frames(self, batch: bytes) -> None:
        """Put the frames of a batch on their bus.

        Frames that the bus cannot take now are lost, as on any bus; the log says so.

        Raises:
            RemoteProtocolError: the batch is malformed or names no CAN bus.
        """
        frames = decode_batch(batch)
        bus = self._bus_at(frames.bus)
        try:
            await bus.send_all(frames.frames)
        except (BusGoneError, BusSilentError) as error:
            log.warning("%d frames lost: %s", len(frames.frames), error)

    def _bus_at(self, index: int) -> CanBus:
        name = self.buses[index].name if index < len(self.buses) else ""
        bus = self._wiring.can.get(name)
        if bus is None:
            raise RemoteProtocolError(f"frames for bus {index}, which is no CAN bus")
        return bus

    @asynccontextmanager
    async def monitor(
        self, bus: str, index: int, filters: tuple[FrameFilter, ...], flush: float
    ) -> AsyncIterator[FrameSource]:
        """Watch a bus while the block runs.

        A bus that is not there, or has no frames as DoIP has none, stays silent; so does a watch
        with a filter that no frame could pass.
        """
        found = self._wiring.can.get(bus)
        wanted = _filters(filters)
        if found is None or wanted is None:
            log.warning("no frames of bus %r can be shown through %s", bus, filters)
            yield _Silence()
            return
        with watch(found, index, wanted, flush) as monitor:
            yield _Watch(monitor)

    # ------------------------------------------------------------ the vehicle as it is

    async def status(self) -> StatusReport:
        """Ask the vehicle how it is."""
        report = await self._status.report()
        return msgspec.structs.replace(report, buses=(*self._setup.states(), *self._over_doip()))

    def _over_doip(self) -> Sequence[BusState]:
        doip = self._wiring.doip
        if doip is None:
            return ()
        names = [bus.name for bus in self.buses if bus.kind == "doip"]
        return [BusState(name, doip.connected, doip.fault) for name in names]

    async def wait_buses_changed(self) -> None:
        """Return when a bus goes down or comes back, or is run otherwise."""
        await self._setup.wait_changed()

    # ------------------------------------------------------------ how buses are run

    async def configure_bus(self, order: BusConfigure) -> BusConfigured:
        """Run a bus as a session wants it; failures are part of the answer, never raised."""
        return await self._setup.configure(order)

    async def release_buses(self, session: str) -> None:
        """Run again as before what a session had run otherwise."""
        await self._setup.release(session)

    # ------------------------------------------------------------ who is asked for its number

    def _targets(self) -> Sequence[Target]:
        return [target for ecu in self.ecus if (target := _target_of(ecu)) is not None]


class _Watch:
    """A watch on a CAN bus, with filters as the link has them."""

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor

    async def next_batch(self) -> bytes:
        return await self._monitor.next_batch()

    def hurry(self) -> None:
        self._monitor.hurry()

    def not_taken(self, batch: bytes) -> None:
        self._monitor.not_taken(batch)

    def change(self, filters: tuple[FrameFilter, ...], flush: float) -> bool:
        wanted = _filters(filters)
        if wanted is not None:
            self._monitor.change(wanted, flush)
        return wanted is not None


class _Silence:
    """A watch that never shows anything."""

    async def next_batch(self) -> bytes:
        await trio.sleep_forever()
        raise AssertionError("unreachable")

    def hurry(self) -> None:
        """Nothing waits."""

    def not_taken(self, batch: bytes) -> None:
        raise AssertionError(f"there was no batch of {len(batch)} bytes")

    def change(self, filters: tuple[FrameFilter, ...], flush: float) -> bool:
        del filters, flush
        return False


def _filters(filters: Sequence[FrameFilter]) -> list[CanFilter] | None:
    """Return the filters, or ``None`` where one of them is out of range."""
    try:
        return [CanFilter(it.id, it.mask, it.extended) for it in filters]
    except LocalProtocolError:
        return None


def _target_of(ecu: EcuInfo) -> Target | None:
    """Return how an ECU is asked, or ``None`` where nothing says how."""
    if ecu.logical_address is not None:
        return DoipTarget(ecu.logical_address)
    return target_of(ecu)
