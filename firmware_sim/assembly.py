"""Puts a vehicle and the device that is plugged into it together.

    settings -> vehicle (ECUs on buses or behind DoIP)  <- wire ->  device (buses, exchanges)

The two meet on the wire alone: a python-can channel for each CAN bus, a TCP connection for DoIP.
Voltage and ignition are what the device measures at the plug.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import trio

from firmware_sim.buses.address import BusAddress
from firmware_sim.buses.can_bus import CanBus, open_bus
from firmware_sim.firmware.device import MARGIN, Device, Wiring
from firmware_sim.firmware.doip_bus import DoipBus, DoipBusSettings
from firmware_sim.vehicle.doip_entity import DoipAddress
from firmware_sim.vehicle.loader import load_vehicle
from firmware_sim.vehicle.replay import Replay, load_replay
from firmware_sim.vehicle.vehicle import Vehicle, open_vehicle
from firmware_sim.vehicle.vehicle_spec import VehicleSpec
from firmware_sim.vehicle.vin import is_vin, vin_for_seed
from protocols.link.vehicle import BusInfo, EcuInfo

#: Name of the DoIP side among a vehicle's buses.
DOIP_BUS = "doip0"


class SettingsError(Exception):
    """The settings make no vehicle; the text says what to change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VehicleSettings:
    """Which vehicle, and where.

    Attributes:
        vehicle: name of a vehicle of the package, or path of a YAML file.
        vin: another identification number; left out, it follows from the seed.
        seed: makes timing, security seeds and live values; 0 keeps the declared number.
        bus: where its CAN bus is (``virtual:NAME``, ``socketcan:can0``); left out, a channel that
            nobody else in this process uses.
        frames_only: the device carries raw frames and leaves ISO-TP to the gateway.
        replay: a recording that stands in place of ``vehicle``.
        margin: what bus and machine may add to the control units' stated times, in seconds.
    """

    vehicle: str = ""
    vin: str | None = None
    seed: int = 0
    bus: str | None = None
    frames_only: bool = False
    replay: Path | None = None
    margin: float = MARGIN


@asynccontextmanager
async def open_device(settings: VehicleSettings) -> AsyncIterator[Device]:
    """Let a vehicle run with a device plugged into it, while the block does.

    Raises:
        SettingsError: a number or a bus that cannot be.
        VehicleFileError: there is no such vehicle, or its file is broken.
        ReplayError: the recording cannot be replayed.
        BusGoneError: its bus cannot be opened.
    """
    spec, replay = _chosen(settings)
    if settings.frames_only and spec.kind == "doip":
        raise SettingsError(f"{spec.name} is reached by DoIP and has no raw frames to carry")
    vin = _vin(settings, spec)
    addresses = _addresses(settings, spec)
    async with AsyncExitStack() as stack:
        vehicle = await stack.enter_async_context(
            open_vehicle(spec, seed=settings.seed, vin=vin, addresses=addresses, replay=replay)
        )
        can = {
            bus.name: await stack.enter_async_context(
                open_bus(addresses[bus.name], fd=bus.data_bitrate > 0)
            )
            for bus in spec.buses
        }
        doip = await _plug_into_doip(vehicle.doip, settings.seed, stack)
        wiring = _wiring(vehicle, can, doip)
        yield Device(replace(wiring, isotp=not settings.frames_only, margin=settings.margin))


def _chosen(settings: VehicleSettings) -> tuple[VehicleSpec, Replay | None]:
    if settings.replay is None:
        return load_vehicle(settings.vehicle), None
    replay = load_replay(settings.replay)
    return replay.spec, replay


async def _plug_into_doip(
    address: DoipAddress | None, seed: int, stack: AsyncExitStack
) -> DoipBus | None:
    if address is None:
        return None
    target = DoipBusSettings(host=address.host, port=address.tcp_port)
    bus = DoipBus(target, random.Random(seed))
    nursery = await stack.enter_async_context(trio.open_nursery())
    stack.callback(nursery.cancel_scope.cancel)
    nursery.start_soon(bus.run)
    return bus


def _wiring(vehicle: Vehicle, can: Mapping[str, CanBus], doip: DoipBus | None) -> Wiring:
    spec = vehicle.spec
    if doip is not None:
        return Wiring(
            buses=(BusInfo(DOIP_BUS, "doip"),),
            ecus=tuple(
                EcuInfo(ecu.name, DOIP_BUS, logical_address=ecu.logical_address)
                for ecu in spec.ecus
            ),
            doip=doip,
            plug=vehicle,
        )
    return Wiring(
        buses=tuple(
            BusInfo(bus.name, spec.kind, bus.bitrate, bus.data_bitrate) for bus in spec.buses
        ),
        ecus=tuple(
            EcuInfo(
                ecu.name,
                spec.bus_of(ecu),
                ecu.request_id,
                ecu.response_id,
                extended=ecu.extended,
                mode=ecu.transport.mode,
                target_address=ecu.transport.target_address,
                source_address=ecu.transport.source_address,
                address_extension=ecu.transport.address_extension,
            )
            for ecu in spec.ecus
        ),
        can=can,
        plug=vehicle,
    )


def _vin(settings: VehicleSettings, spec: VehicleSpec) -> str:
    if settings.vin is None:
        return vin_for_seed(spec.vin, settings.seed)
    if not is_vin(settings.vin):
        raise SettingsError(
            f"{settings.vin!r} is no vehicle identification number: 17 characters, no I, O, Q"
        )
    return settings.vin


def _addresses(settings: VehicleSettings, spec: VehicleSpec) -> dict[str, str]:
    """Return where each CAN bus is; of several, all but the first get their name added."""
    if settings.bus is None:
        base = f"virtual:{spec.name}-{uuid.uuid4()}"
    elif spec.kind == "doip":
        raise SettingsError(f"{spec.name} is reached by DoIP and has no CAN bus to put elsewhere")
    else:
        base = settings.bus
        try:
            BusAddress.parse(base)
        except ValueError as error:
            raise SettingsError(str(error)) from None
    place, question, options = base.partition("?")
    names = [bus.name for bus in spec.buses]
    return {
        name: base if name == names[0] else f"{place}-{name}{question}{options}" for name in names
    }
