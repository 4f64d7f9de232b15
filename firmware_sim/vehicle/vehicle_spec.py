"""What a simulated vehicle is, as a record. A file of ``models/`` is one `VehicleSpec`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Literal

import msgspec
from typing_extensions import override

from firmware_sim.vehicle.data_spec import SignalSpec
from firmware_sim.vehicle.ecu_spec import EcuSpec
from firmware_sim.vehicle.quirk_spec import QuirkSpec
from firmware_sim.vehicle.record import Byte, Long, NotNegative, Record, Word, twice
from firmware_sim.vehicle.traffic_spec import BroadcastSpec, TrafficSpec
from firmware_sim.vehicle.vin import is_vin


class BusSpec(Record, frozen=True, kw_only=True):
    """One CAN bus and its bit rates, bit/s; a data rate makes it CAN-FD."""

    name: str
    bitrate: int
    data_bitrate: int = 0


class DoipSpec(Record, frozen=True, kw_only=True):
    """How a vehicle's DoIP entity behaves (ISO 13400-2).

    Attributes:
        activation_types: types of routing activation granted at once.
        confirmed_types: granted once somebody in the vehicle agreed (code 11, then 10 or 05).
        confirmed_after: seconds until that somebody decides.
        refused: that somebody does not agree.
        key: number that the OEM field has to hold; left out, anybody may activate routing.
        max_sockets: testers at a time.
        announce: ``host:port`` to which it announces itself when it starts, and at what it is
            broadcast by the standard: ``127.255.255.255:13400`` reaches this machine alone.
    """

    activation_types: tuple[Byte, ...] = (0x00, 0x01)
    confirmed_types: tuple[Byte, ...] = ()
    confirmed_after: NotNegative = 1.0
    refused: bool = False
    key: Long | None = None
    max_sockets: Annotated[int, msgspec.Meta(ge=1, le=255)] = 4
    announce: str | None = None

    @override
    def complaints(self) -> Iterator[str]:
        both = sorted({*self.activation_types} & {*self.confirmed_types})
        if both:
            yield f"activation types both at once and confirmed: {both}"
        if self.announce is not None and self.announce_to is None:
            yield f"{self.announce!r} is no address like 127.255.255.255:13400"

    @property
    def announce_to(self) -> tuple[str, int] | None:
        """Where it announces itself, as sockets want it."""
        host, _, port = (self.announce or "").rpartition(":")
        valid = host and port.isascii() and port.isdigit() and 0 < int(port) < 1 << 16
        return (host, int(port)) if valid else None


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
        broadcasts: its normal traffic, frame by frame.
        traffic: its normal traffic, after a database of messages.
        doip: how its DoIP entity behaves.
        quirks: what its ECUs do wrong.
        quirks_file: a file with more of that, beside the vehicle's own.
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
    traffic: TrafficSpec | None = None
    doip: DoipSpec = DoipSpec()
    quirks: tuple[QuirkSpec, ...] = ()
    quirks_file: str | None = None

    @override
    def complaints(self) -> Iterator[str]:
        if not is_vin(self.vin):
            yield f"{self.vin!r} is no vehicle identification number (ISO 3779)"
        yield from twice("ECU", (ecu.name for ecu in self.ecus))
        yield from twice("bus", (bus.name for bus in self.buses))
        yield from self._doip_complaints() if self.kind == "doip" else self._can_complaints()
        names = {ecu.name for ecu in self.ecus}
        for what, senders in self._ecus_named():
            unknown = {name for name in senders if name is not None} - names
            if unknown:
                yield f"{what} of unknown ECUs: {', '.join(sorted(unknown))}"

    def _ecus_named(self) -> Iterator[tuple[str, Iterable[str | None]]]:
        yield "broadcasts", (frame.ecu for frame in self.broadcasts)
        if self.traffic is not None:
            yield "traffic", (message.ecu for message in self.traffic.messages)
        yield "quirks", (quirk.ecu for quirk in self.quirks)

    def _doip_complaints(self) -> Iterator[str]:
        if self.gateway_address is None:
            yield "a DoIP vehicle needs a gateway_address"
        if self.broadcasts or self.traffic is not None:
            yield "a DoIP vehicle has no CAN bus for broadcasts and traffic"
        for ecu in self.ecus:
            if ecu.logical_address is None:
                yield f"ECU {ecu.name} needs a logical_address on DoIP"
        yield from twice("logical address", (ecu.logical_address for ecu in self.ecus))

    def _can_complaints(self) -> Iterator[str]:
        buses = {bus.name for bus in self.buses}
        if not buses:
            yield "a CAN vehicle needs at least one bus"
            return
        for ecu in self.ecus:
            if ecu.request_id is None or ecu.response_id is None:
                yield f"ECU {ecu.name} needs request_id and response_id on CAN"
            if ecu.bus and ecu.bus not in buses:
                yield f"ECU {ecu.name} sits on bus {ecu.bus!r}, which is not declared"
        yield from twice("request id", (self._place(ecu, ecu.request_id) for ecu in self.ecus))
        yield from twice("response id", (self._place(ecu, ecu.response_id) for ecu in self.ecus))

    def _place(self, ecu: EcuSpec, identifier: int | None) -> tuple[object, ...]:
        """Return what must differ between two ECUs: bus, identifier, first byte if any."""
        byte = ecu.transport.first_byte
        place = (self.bus_of(ecu), identifier)
        return place if byte is None else (*place, byte)

    def bus_of(self, ecu: EcuSpec) -> str:
        """Return the name of the CAN bus that ``ecu`` sits on."""
        return ecu.bus or self.buses[0].name
