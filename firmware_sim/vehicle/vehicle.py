"""A whole vehicle at work: its ECUs on its CAN buses, or behind its DoIP entity."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial

import trio

from firmware_sim.buses.can_bus import CanBus, open_bus
from firmware_sim.vehicle.broadcasts import Broadcast, PeriodicMessage, send_periodically
from firmware_sim.vehicle.can_ecu import CanEcu, ecu_address
from firmware_sim.vehicle.doip_entity import Confirmation, DoipAddress, DoipEntity
from firmware_sim.vehicle.ecu import EcuApplication
from firmware_sim.vehicle.ecu_spec import EcuSpec
from firmware_sim.vehicle.quirk_spec import QuirkSpec
from firmware_sim.vehicle.recorded_ecu import RecordedEcu
from firmware_sim.vehicle.replay import Replay
from firmware_sim.vehicle.signals import Signal
from firmware_sim.vehicle.traffic import DatabaseMessage, open_database
from firmware_sim.vehicle.vehicle_spec import BusSpec, VehicleSpec
from protocols.doip.discovery import PowerMode
from protocols.doip.settings import EntitySettings, expect_key
from protocols.isotp.params import LONGEST_WITHOUT_ESCAPE, IsoTpParams

#: Control units by name: simulated ones, or those of a recording.
Units = Mapping[str, EcuApplication] | Mapping[str, RecordedEcu]


class Vehicle:
    """A running vehicle; made by :func:`open_vehicle`, gone after its block.

    Attributes:
        spec: what it is.
        vin: its identification number.
        ecus: the applications of its ECUs by name.
        doip: where its entity listens, ``None`` where it has none.
    """

    def __init__(self, spec: VehicleSpec, vin: str, seed: int) -> None:
        self.spec = spec
        self.vin = vin
        self.seed = f"{spec.name}/{seed}"
        self.ecus = {
            ecu.name: EcuApplication(ecu, vin, f"{self.seed}/{ecu.name}", _quirks(spec, ecu.name))
            for ecu in spec.ecus
        }
        self.doip: DoipAddress | None = None
        self._voltage = Signal(spec.voltage, f"{self.seed}/voltage")

    @property
    def ignition(self) -> bool:
        """Terminal 15 is on."""
        return self.spec.ignition

    def voltage(self) -> float:
        """Return the voltage at the plug, volts."""
        return self._voltage.value(trio.current_time())


@asynccontextmanager
async def open_vehicle(
    spec: VehicleSpec,
    *,
    seed: int = 0,
    vin: str | None = None,
    addresses: Mapping[str, str],
    replay: Replay | None = None,
) -> AsyncIterator[Vehicle]:
    """Let a vehicle run while the block does.

    Args:
        spec: what it is.
        seed: makes its jitter, its seeds and the phase of its live values.
        vin: another identification number than the one declared.
        addresses: where its CAN buses are, by name (``{"can0": "virtual:demo-1"}``).
        replay: the recording whose control units and frames it has in place of its own.

    Raises:
        BusGoneError: a bus cannot be opened.
        OSError: the DoIP entity finds no port.
    """
    vehicle = Vehicle(spec, vin or spec.vin, seed)
    async with AsyncExitStack() as stack:
        buses = {
            bus.name: await stack.enter_async_context(
                open_bus(addresses[bus.name], fd=bus.data_bitrate > 0)
            )
            for bus in spec.buses
        }
        nursery = await stack.enter_async_context(trio.open_nursery())
        if spec.kind == "doip":
            units = vehicle.ecus if replay is None else replay.ecus
            serve = partial(_entity(vehicle, units).serve, announce_to=spec.doip.announce_to)
            vehicle.doip = await nursery.start(serve)
        else:
            await _start_on_can(vehicle, buses, nursery, replay)
        yield vehicle
        nursery.cancel_scope.cancel()


async def _start_on_can(
    vehicle: Vehicle, buses: Mapping[str, CanBus], nursery: trio.Nursery, replay: Replay | None
) -> None:
    spec = vehicle.spec
    declared = {bus.name: bus for bus in spec.buses}
    on_bus = {ecu.name: spec.bus_of(ecu) for ecu in spec.ecus}
    units: Units = vehicle.ecus if replay is None else replay.ecus
    for ecu in spec.ecus:
        name = on_bus[ecu.name]
        driver = CanEcu(
            buses[name],
            ecu_address(ecu),
            units[ecu.name],
            isotp_params(declared[name], ecu),
        )
        await nursery.start(driver.run)
    if replay is not None:
        for index, bus in enumerate(buses.values()):
            nursery.start_soon(replay.play, bus, index)
    for name, message in _messages(vehicle):
        sender = vehicle.ecus[name]
        bus = buses[on_bus[name]]
        nursery.start_soon(send_periodically, message, vehicle.seed, bus, sender.sends_normally)


def _messages(vehicle: Vehicle) -> Iterator[tuple[str, PeriodicMessage]]:
    """Yield what the ECUs send by themselves, each with the name of its sender."""
    spec = vehicle.spec
    for frame in spec.broadcasts:
        yield frame.ecu, Broadcast(frame, vehicle.seed)
    if spec.traffic is not None:
        database = open_database(spec.traffic.database)
        for declared in spec.traffic.messages:
            message = database.get_message_by_name(declared.name)
            yield declared.ecu, DatabaseMessage(declared, message, vehicle.seed)


def _quirks(spec: VehicleSpec, ecu: str) -> list[QuirkSpec]:
    return [quirk for quirk in spec.quirks if quirk.ecu in {None, ecu}]


def isotp_params(bus: BusSpec, ecu: EcuSpec) -> IsoTpParams:
    """Return how an ECU speaks ISO-TP on a bus: classic, or CAN-FD with its longest frames."""
    longest = ecu.flash.max_block if ecu.flash is not None else 0
    params = IsoTpParams(
        stmin=ecu.transport.stmin,
        blocksize=ecu.transport.block_size,
        padding=ecu.transport.padding,
        max_frame_size=max(LONGEST_WITHOUT_ESCAPE, longest),
    )
    if not bus.data_bitrate:
        return params
    return replace(params, can_fd=True, bitrate_switch=True, tx_data_length=64)


def _entity(vehicle: Vehicle, units: Units) -> DoipEntity:
    doip = vehicle.spec.doip
    settings = EntitySettings(
        logical_address=vehicle.spec.gateway_address or 0,
        vin=vehicle.vin,
        eid=_entity_id(vehicle.vin),
        activation_types=frozenset(doip.activation_types),
        confirmed_types=frozenset(doip.confirmed_types),
        authentication=None if doip.key is None else expect_key(doip.key),
        max_sockets=doip.max_sockets,
    )
    return DoipEntity(
        settings,
        {ecu.logical_address: ecu for ecu in units.values()},
        power_mode=PowerMode.Ready if vehicle.ignition else PowerMode.NotReady,
        confirmation=Confirmation(agreed=not doip.refused, after=doip.confirmed_after),
    )


def _entity_id(vin: str) -> bytes:
    """Return six bytes like a MAC address, the same for the same vehicle.

    The first one says "locally administered, unicast" (IEEE 802), as no maker gave it out.
    """
    return b"\x02" + hashlib.sha256(vin.encode()).digest()[:5]
