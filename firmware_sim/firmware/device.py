"""The device between link and vehicle: what the gateway asks for, done on the right bus.

Everything that can go wrong with an exchange is part of its result, in the link's words; nothing
that the gateway sends raises here but a frame batch that breaks the protocol.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

import trio

from firmware_sim.buses.can_bus import BusGoneError, CanBus
from firmware_sim.firmware.can_exchange import CanExchanger
from firmware_sim.firmware.monitor import watch
from firmware_sim.firmware.status import Plug, VehicleStatus
from firmware_sim.firmware.targets import (
    OBD_FUNCTIONAL_29,
    functional_addresses,
    physical_address,
)
from protocols.can.batch import decode_batch
from protocols.can.filters import CanFilter
from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.isotp.addressing import OBD_FUNCTIONAL_11
from protocols.isotp.params import IsoTpParams
from protocols.link.messages import (
    BusInfo,
    CanTarget,
    DoipTarget,
    EcuInfo,
    ExchangeResponse,
    ExchangeResult,
    FrameFilter,
    FunctionalTarget,
    StatusReport,
    Target,
)
from protocols.uds.outcome import FailureReason, Finished
from protocols.uds.policy import ExchangePolicy

log = logging.getLogger(__name__)

#: Functional group of all control units on DoIP (ISO 13400-2, table 13).
DOIP_EVERYBODY = 0xE400

#: How patient the device is at first. The margin is for the bus and this machine only: the
#: network between gateway and device has no part in it.
FIRST_POLICY = ExchangePolicy(margin=0.05)

#: Control units whose own P2 is remembered; the one not asked for longest gives way.
REMEMBERED = 256

#: Service 10, DiagnosticSessionControl, and its positive answer.
_SESSION_CONTROL, _SESSION_CHANGED = 0x10, 0x50


class DoipExchanger(Protocol):
    """What the device needs of the DoIP side."""

    async def exchange(
        self, target: DoipTarget, request: bytes, policy: ExchangePolicy
    ) -> Finished: ...


class FrameSource(Protocol):
    """A running watch on a bus."""

    async def next_batch(self) -> bytes: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """What the device is connected to.

    Attributes:
        buses: the vehicle's buses as the gateway is told of them.
        ecus: its control units likewise.
        can: the open CAN buses by name.
        doip: the DoIP side, where the vehicle has one.
        plug: voltage and ignition.
    """

    buses: tuple[BusInfo, ...]
    ecus: tuple[EcuInfo, ...]
    can: Mapping[str, CanBus] = field(default_factory=dict)
    doip: DoipExchanger | None = None
    plug: Plug


class UnknownBusError(Exception):
    """A request names a bus that this device does not have."""


class Device:
    """The vehicle side of a connector; lives as long as its buses are open."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring
        self._exchangers = {
            name: CanExchanger(bus, tester_params(_info(wiring.buses, name)))
            for name, bus in wiring.can.items()
        }
        self._policies: OrderedDict[Target, ExchangePolicy] = OrderedDict()
        self._status = VehicleStatus(wiring.plug, self._targets(), self.ask)

    @property
    def buses(self) -> tuple[BusInfo, ...]:
        """The buses, in the order their batches are numbered."""
        return self._wiring.buses

    @property
    def ecus(self) -> tuple[EcuInfo, ...]:
        """The control units known."""
        return self._wiring.ecus

    # ------------------------------------------------------------ exchanges

    async def exchange(self, number: int, target: Target, request: bytes) -> ExchangeResult:
        """Run one request to its end; failures are part of the result, never raised."""
        try:
            outcome = await self.ask(target, request)
        except UnknownBusError as error:
            return ExchangeResult(number, failure="unknown_bus", detail=str(error))
        except LocalProtocolError as error:
            return ExchangeResult(number, failure="refused", detail=str(error))
        self._status.saw(outcome)
        return _result(number, outcome)

    async def ask(self, target: Target, request: bytes) -> Finished:
        """Run one request with the patience that fits the control unit.

        Raises:
            UnknownBusError: the target's bus is not there.
            LocalProtocolError: no such request can be sent.
        """
        outcome = await self._run(target, request, self._policies.get(target, FIRST_POLICY))
        self._adopt(target, request, outcome)
        return outcome

    async def _run(self, target: Target, request: bytes, policy: ExchangePolicy) -> Finished:
        match target:
            case CanTarget():
                return await self._ask_can(target, request, policy)
            case DoipTarget():
                return await self._doip().exchange(target, request, policy)
            case FunctionalTarget(bus):
                return await self._ask_everybody(bus, request, policy)

    async def _ask_can(
        self, target: CanTarget, request: bytes, policy: ExchangePolicy
    ) -> Finished:
        name, exchanger = self._can(target.bus)
        if target.response_id is not None:
            return await exchanger.exchange(physical_address(target), request, policy)
        addresses = functional_addresses(
            target.request_id, self._on_bus(name), extended=target.extended
        )
        return await exchanger.exchange_functional(addresses, request, policy)

    async def _ask_everybody(self, bus: str, request: bytes, policy: ExchangePolicy) -> Finished:
        if self._exchangers and bus not in self._doip_names():
            name, exchanger = self._can(bus)
            ecus = self._on_bus(name)
            extended = bool(ecus) and all(ecu.extended for ecu in ecus)
            functional_id = OBD_FUNCTIONAL_29 if extended else OBD_FUNCTIONAL_11
            addresses = functional_addresses(functional_id, ecus, extended=extended)
            return await exchanger.exchange_functional(addresses, request, policy)
        everybody = DoipTarget(DOIP_EVERYBODY, functional=True)
        return await self._doip().exchange(everybody, request, policy)

    def _can(self, name: str) -> tuple[str, CanExchanger]:
        """Return a CAN bus by name; the first one where it is left out."""
        found = name or next(iter(self._exchangers), "")
        if found not in self._exchangers:
            raise UnknownBusError(f"there is no CAN bus {name!r} here: {self._bus_names()}")
        return found, self._exchangers[found]

    def _doip(self) -> DoipExchanger:
        if self._wiring.doip is None:
            raise UnknownBusError(f"this vehicle has no DoIP: {self._bus_names()}")
        return self._wiring.doip

    def _adopt(self, target: Target, request: bytes, outcome: Finished) -> None:
        """Take over the P2 and P2* that a control unit states when its session changes."""
        if request[:1] != bytes([_SESSION_CONTROL]) or len(outcome.responses) != 1:
            return
        answer = outcome.responses[0].payload
        if answer[:1] == bytes([_SESSION_CHANGED]):
            self._policies[target] = FIRST_POLICY.adopt(answer)
            self._policies.move_to_end(target)
            if len(self._policies) > REMEMBERED:
                self._policies.popitem(last=False)

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
        except BusGoneError as error:
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
        with watch(found, index, wanted, flush) as source:
            yield source

    # ------------------------------------------------------------ the vehicle as it is

    async def status(self) -> StatusReport:
        """Ask the vehicle how it is."""
        return await self._status.report()

    def _targets(self) -> Sequence[Target]:
        return [target for ecu in self.ecus if (target := _target_of(ecu)) is not None]

    def _on_bus(self, name: str) -> list[EcuInfo]:
        return [ecu for ecu in self.ecus if ecu.bus == name]

    def _doip_names(self) -> set[str]:
        return {bus.name for bus in self.buses if bus.kind == "doip"}

    def _bus_names(self) -> str:
        return "it has " + (", ".join(bus.name for bus in self.buses) or "no bus")


class _Silence:
    """A watch that never shows anything."""

    async def next_batch(self) -> bytes:
        await trio.sleep_forever()
        raise AssertionError("unreachable")


def _filters(filters: Sequence[FrameFilter]) -> list[CanFilter] | None:
    """Return the filters, or ``None`` where one of them is out of range."""
    try:
        return [CanFilter(it.id, it.mask, it.extended) for it in filters]
    except LocalProtocolError:
        return None


def tester_params(bus: BusInfo) -> IsoTpParams:
    """Return how this device speaks ISO-TP on a bus."""
    if bus.kind != "can-fd":
        return IsoTpParams()
    return IsoTpParams(can_fd=True, bitrate_switch=bus.data_bitrate > 0, tx_data_length=64)


def _info(buses: Sequence[BusInfo], name: str) -> BusInfo:
    return next(bus for bus in buses if bus.name == name)


def _target_of(ecu: EcuInfo) -> Target | None:
    """Return how an ECU is asked, or ``None`` where nothing says how."""
    if ecu.request_id is not None and ecu.response_id is not None:
        return CanTarget(ecu.request_id, ecu.response_id, ecu.bus, ecu.extended)
    if ecu.logical_address is not None:
        return DoipTarget(ecu.logical_address)
    return None


def _result(number: int, outcome: Finished) -> ExchangeResult:
    responses = tuple(
        ExchangeResponse(
            it.source,
            it.payload,
            it.pending,
            round(it.sent_at * 1e6),
            round(it.received_at * 1e6),
        )
        for it in outcome.responses
    )
    if outcome.failure is None:
        return ExchangeResult(number, responses)
    # Answers to something else are, to the gateway, no answer to this; the detail tells more.
    unexpected = outcome.failure.reason is FailureReason.UNEXPECTED
    reason = FailureReason.NO_RESPONSE if unexpected else outcome.failure.reason
    return ExchangeResult(number, responses, reason.value, outcome.failure.detail)
