"""Which bus a request goes to, and who on it may answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from protocols.diagnosis.speech import bus_params, params_for
from protocols.diagnosis.targets import (
    OBD_FUNCTIONAL_29,
    functional_addresses,
    physical_address,
)
from protocols.isotp.addressing import OBD_FUNCTIONAL_11, IsoTpAddress
from protocols.isotp.params import IsoTpParams
from protocols.link.vehicle import (
    BusInfo,
    CanTarget,
    DoipTarget,
    EcuInfo,
    FunctionalTarget,
    Target,
)

#: Functional group of all control units on DoIP (ISO 13400-2, table 13).
DOIP_EVERYBODY = 0xE400


class UnknownBusError(Exception):
    """A request names a bus that is not there; the text says which ones are."""


@dataclass(frozen=True, slots=True)
class CanRoute:
    """A request's way over CAN.

    Attributes:
        bus: name of the bus.
        addresses: who may answer; one where it is not functional.
        functional: it goes to everybody.
        params: how ISO-TP is spoken with them.
    """

    bus: str
    addresses: tuple[IsoTpAddress, ...]
    functional: bool
    params: IsoTpParams = field(default_factory=IsoTpParams)


class Routes:
    """The way to the control units of one vehicle.

    Args:
        buses: the vehicle's buses.
        ecus: its control units, as far as they are known.
    """

    def __init__(self, buses: Sequence[BusInfo], ecus: Sequence[EcuInfo]) -> None:
        self._ecus = tuple(ecus)
        self._can = {bus.name: bus for bus in buses if bus.kind != "doip"}
        self._doip = {bus.name: bus for bus in buses if bus.kind == "doip"}

    def find(self, target: Target) -> CanRoute | DoipTarget:
        """Return how ``target`` is reached.

        Raises:
            UnknownBusError: its bus is not there.
            LocalProtocolError: its numbers make no address, or nobody is known to answer.
        """
        match target:
            case DoipTarget():
                return self._over_doip(target)
            case CanTarget():
                return self._over_can(target)
            case FunctionalTarget(bus) if self._can and bus not in self._doip:
                return self._to_everybody(self._bus(bus))
            case FunctionalTarget():
                return self._over_doip(DoipTarget(DOIP_EVERYBODY, functional=True))

    def params(self, bus: str) -> IsoTpParams:
        """Return how a tester speaks ISO-TP on a CAN bus.

        Raises:
            UnknownBusError: it is not there.
        """
        return bus_params(self._can[self._bus(bus)])

    def _over_doip(self, target: DoipTarget) -> DoipTarget:
        if not self._doip:
            raise UnknownBusError(f"this vehicle has no DoIP: {self._names()}")
        return target

    def _over_can(self, target: CanTarget) -> CanRoute:
        bus = self._bus(target.bus)
        params = self._spoken_with(bus, target)
        if target.response_id is not None:
            return CanRoute(bus, (physical_address(target),), functional=False, params=params)
        addresses = functional_addresses(target, self._on_bus(bus))
        return CanRoute(bus, addresses, functional=True, params=params)

    def _to_everybody(self, bus: str) -> CanRoute:
        ecus = self._on_bus(bus)
        extended = bool(ecus) and all(ecu.extended for ecu in ecus)
        functional_id = OBD_FUNCTIONAL_29 if extended else OBD_FUNCTIONAL_11
        return self._over_can(CanTarget(functional_id, None, bus, extended))

    def _spoken_with(self, bus: str, target: CanTarget) -> IsoTpParams:
        """Return how ISO-TP is spoken with a target: as it says, or as its entry here does."""
        options = target.isotp
        if options is None:
            reached = (target.request_id, target.response_id, target.extended)
            known = (
                ecu.isotp
                for ecu in self._on_bus(bus)
                if (ecu.request_id, ecu.response_id, ecu.extended) == reached
            )
            options = next(known, None)
        return params_for(self.params(bus), options, fd=self._can[bus].kind == "can-fd")

    def _bus(self, name: str) -> str:
        """Return a CAN bus by name; the first one where it is left out."""
        found = name or next(iter(self._can), "")
        if found not in self._can:
            raise UnknownBusError(f"there is no CAN bus {name!r} here: {self._names()}")
        return found

    def _on_bus(self, name: str) -> list[EcuInfo]:
        return [ecu for ecu in self._ecus if ecu.bus == name]

    def _names(self) -> str:
        return "it has " + (", ".join([*self._can, *self._doip]) or "no bus")
