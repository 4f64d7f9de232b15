"""A whole vehicle at work: its ECUs on its CAN buses, or behind its DoIP entity."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

import trio

from firmware_sim.buses.can_bus import CanBus, open_bus
from firmware_sim.vehicle.broadcasts import Broadcast
from firmware_sim.vehicle.can_ecu import CanEcu, ecu_address
from firmware_sim.vehicle.doip_entity import DoipAddress, DoipEntity
from firmware_sim.vehicle.ecu import EcuApplication
from firmware_sim.vehicle.signals import Signal
from firmware_sim.vehicle.vehicle_spec import BusSpec, VehicleSpec
from protocols.doip.settings import EntitySettings
from protocols.isotp.params import IsoTpParams

#: What these ECUs fill their frames with; testers usually fill with CC or 55.
ECU_PADDING = 0xAA


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
            ecu.name: EcuApplication(ecu, vin, f"{self.seed}/{ecu.name}") for ecu in spec.ecus
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
    spec: VehicleSpec, *, seed: int = 0, vin: str | None = None, addresses: Mapping[str, str]
) -> AsyncIterator[Vehicle]:
    """Let a vehicle run while the block does.

    Args:
        spec: what it is.
        seed: makes its jitter, its seeds and the phase of its live values.
        vin: another identification number than the one declared.
        addresses: where its CAN buses are, by name (``{"can0": "virtual:demo-1"}``).

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
            vehicle.doip = await nursery.start(_entity(vehicle).serve)
        else:
            await _start_on_can(vehicle, buses, nursery)
        yield vehicle
        nursery.cancel_scope.cancel()


async def _start_on_can(
    vehicle: Vehicle, buses: Mapping[str, CanBus], nursery: trio.Nursery
) -> None:
    spec = vehicle.spec
    declared = {bus.name: bus for bus in spec.buses}
    on_bus = {ecu.name: spec.bus_of(ecu) for ecu in spec.ecus}
    for ecu in spec.ecus:
        name = on_bus[ecu.name]
        driver = CanEcu(
            buses[name], ecu_address(ecu), vehicle.ecus[ecu.name], isotp_params(declared[name])
        )
        await nursery.start(driver.run)
    for frame in spec.broadcasts:
        sender = vehicle.ecus[frame.ecu]
        broadcast = Broadcast(frame, vehicle.seed)
        nursery.start_soon(broadcast.run, buses[on_bus[frame.ecu]], sender.sends_normally)


def isotp_params(bus: BusSpec) -> IsoTpParams:
    """Return how these ECUs speak ISO-TP on a bus: classic, or CAN-FD with its longest frames."""
    if not bus.data_bitrate:
        return IsoTpParams(padding=ECU_PADDING)
    return IsoTpParams(padding=ECU_PADDING, can_fd=True, bitrate_switch=True, tx_data_length=64)


def _entity(vehicle: Vehicle) -> DoipEntity:
    settings = EntitySettings(
        logical_address=vehicle.spec.gateway_address or 0,
        vin=vehicle.vin,
        eid=_entity_id(vehicle.vin),
    )
    return DoipEntity(settings, {ecu.logical_address: ecu for ecu in vehicle.ecus.values()})


def _entity_id(vin: str) -> bytes:
    """Return six bytes like a MAC address, the same for the same vehicle.

    The first one says "locally administered, unicast" (IEEE 802), as no maker gave it out.
    """
    return b"\x02" + hashlib.sha256(vin.encode()).digest()[:5]
