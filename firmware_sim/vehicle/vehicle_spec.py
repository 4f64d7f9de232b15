"""What a simulated vehicle is, as a record. A file of ``models/`` is one `VehicleSpec`."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from firmware_sim.vehicle.ecu_spec import (
    CanId,
    EcuSpec,
    Positive,
    Record,
    SignalSpec,
    Word,
    refuse_twice,
)
from firmware_sim.vehicle.vin import is_vin


class BusSpec(Record, frozen=True, kw_only=True):
    """One CAN bus and its bit rates, bit/s; a data rate makes it CAN-FD."""

    name: str
    bitrate: int
    data_bitrate: int = 0


class BroadcastSpec(Record, frozen=True, kw_only=True):
    """One frame an ECU sends by itself, as long as normal communication is on.

    Attributes:
        ecu: who sends it.
        id: CAN id.
        period: seconds between two of them.
        signals: what it carries, one after the other, padded with 00.
    """

    ecu: str
    id: CanId
    extended: bool = False
    period: Positive
    signals: tuple[SignalSpec, ...]

    def __post_init__(self) -> None:
        if sum(signal.length for signal in self.signals) > 8:
            raise ValueError(f"broadcast {self.id:X} carries more than 8 bytes")


class VehicleSpec(Record, frozen=True, kw_only=True):
    """A whole vehicle.

    Attributes:
        name: how the command line names it.
        title: for people.
        kind: ``can``, ``can-fd`` or ``doip``.
        vin: its identification number.
        gateway_address: logical address of the DoIP entity.
        ignition: terminal 15 is on.
        voltage: at the plug, volts.
        buses: its CAN buses.
        ecus: its control units.
        broadcasts: its normal traffic.
    """

    name: str
    title: str
    kind: Literal["can", "can-fd", "doip"]
    vin: str
    gateway_address: Word | None = None
    ignition: bool = True
    voltage: SignalSpec
    buses: tuple[BusSpec, ...] = ()
    ecus: Annotated[tuple[EcuSpec, ...], msgspec.Meta(min_length=1)]
    broadcasts: tuple[BroadcastSpec, ...] = ()

    def __post_init__(self) -> None:
        if not is_vin(self.vin):
            raise ValueError(f"{self.vin!r} is no vehicle identification number (ISO 3779)")
        refuse_twice("ECU", (ecu.name for ecu in self.ecus))
        refuse_twice("bus", (bus.name for bus in self.buses))
        if self.kind == "doip":
            self._check_doip()
        else:
            self._check_can()
        unknown = {frame.ecu for frame in self.broadcasts} - {ecu.name for ecu in self.ecus}
        if unknown:
            raise ValueError(f"broadcasts of unknown ECUs: {', '.join(sorted(unknown))}")

    def _check_doip(self) -> None:
        if self.gateway_address is None:
            raise ValueError("a DoIP vehicle needs a gateway_address")
        for ecu in self.ecus:
            if ecu.logical_address is None:
                raise ValueError(f"ECU {ecu.name} needs a logical_address on DoIP")
        refuse_twice("logical address", (ecu.logical_address for ecu in self.ecus))

    def _check_can(self) -> None:
        buses = {bus.name for bus in self.buses}
        if not buses:
            raise ValueError("a CAN vehicle needs at least one bus")
        for ecu in self.ecus:
            if ecu.request_id is None or ecu.response_id is None:
                raise ValueError(f"ECU {ecu.name} needs request_id and response_id on CAN")
            if ecu.bus and ecu.bus not in buses:
                raise ValueError(f"ECU {ecu.name} sits on bus {ecu.bus!r}, which is not declared")
        refuse_twice("request id", ((self.bus_of(ecu), ecu.request_id) for ecu in self.ecus))
        refuse_twice("response id", ((self.bus_of(ecu), ecu.response_id) for ecu in self.ecus))

    def bus_of(self, ecu: EcuSpec) -> str:
        """Return the name of the CAN bus that ``ecu`` sits on."""
        return ecu.bus or self.buses[0].name
