"""Every control unit of a vehicle as a DoIP logical address (ISO 13400-2 table 13).

Those on DoIP keep their own. Those on CAN get one that follows from their identifiers, so that a
vehicle looks the same each time; ``b`` counts its CAN buses from 0 as the connector lists them:

    11-bit request id r           0x1000 * (b + 1) + r       7E0 on the first bus: 17E0   b 0 to 4
    29-bit normal fixed 18DAttss  0x6000 + 0x100 * b + tt    18DA10F1: 6010               b 0 to 15
    extended, mixed: byte a       0x7000 + 0x100 * b + a     target or extension          b 0 to 7
    anything else, or taken       from 0x7800 on, in the order of bus and identifiers

A CAN bus whose control units nobody declared has the eight of ISO 15765-4: 7E0/7E8 to 7E7/7EF.
E000 and E400 are all control units; on DoIP every other functional group passes as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from protocols.can.frame import MAX_STANDARD_ID
from protocols.link.vehicle import (
    BusInfo,
    CanTarget,
    Capabilities,
    DoipTarget,
    EcuInfo,
    FunctionalTarget,
    Target,
)

#: Functional addresses of everybody: of ISO 27145 (WWH-OBD), and the first of the makers' own.
EVERYBODY = (0xE000, 0xE400)
_GROUPS = range(0xE000, 0xF000)

#: Where the address of a DoIP control unit may be; the rest is testers and functional groups.
_PHYSICAL = (range(0x0001, 0x0E00), range(0x1000, 0x8000))

#: A connector may say what it likes; addresses have 16 bits.
_LAST = 0xFFFF

_OVERFLOW = range(0x7800, 0x8000)

#: ISO 15765-4: identifiers that answer legislated requests on any vehicle.
_OBD = tuple((0x7E0 + number, 0x7E8 + number) for number in range(8))

#: Normal fixed addressing, physical: 18DA, target, source (ISO 15765-2).
_FIXED = 0x18DA


@dataclass(frozen=True, slots=True)
class DoorEcu:
    """A control unit as a tool finds it.

    Attributes:
        name: what people call it.
        logical_address: how tools reach it.
        target: how the session reaches it.
    """

    name: str
    logical_address: int
    target: CanTarget | DoipTarget

    def to_json(self) -> dict[str, object]:
        """Return the members that the operator API documents."""
        target = self.target if isinstance(self.target, CanTarget) else None
        return {
            "name": self.name,
            "logical_address": self.logical_address,
            "bus": None if target is None else target.bus,
            "request_id": None if target is None else target.request_id,
            "response_id": None if target is None else target.response_id,
        }


class AddressTable:
    """The addresses of one vehicle.

    Attributes:
        ecus: its control units, by address.
        addresses: everything that diagnostic messages may go to.
    """

    def __init__(self, capabilities: Capabilities) -> None:
        self.ecus = tuple(sorted(_ecus(capabilities), key=lambda ecu: ecu.logical_address))
        self._by_address = {ecu.logical_address: ecu for ecu in self.ecus}
        self._by_answer = {
            (ecu.target.bus, ecu.target.response_id): ecu.logical_address
            for ecu in self.ecus
            if isinstance(ecu.target, CanTarget)
        }
        self._buses = capabilities.buses
        self._has_doip = any(bus.kind == "doip" for bus in capabilities.buses)
        self.addresses = frozenset(self._all(capabilities))

    def _all(self, capabilities: Capabilities) -> Iterator[int]:
        yield from self._by_address
        yield from EVERYBODY
        if self._has_doip:
            yield from _GROUPS
            if not any(ecu.logical_address is not None for ecu in capabilities.ecus):
                for part in _PHYSICAL:  # nobody said which there are: the vehicle knows
                    yield from part

    def targets(self, address: int) -> tuple[Target, ...]:
        """Return where a message to this address goes: several buses for a functional one."""
        ecu = self._by_address.get(address)
        if ecu is not None:
            return (ecu.target,)
        if address in EVERYBODY:
            return tuple(FunctionalTarget(bus.name) for bus in self._buses)
        return (DoipTarget(address, functional=address in _GROUPS),)

    def source(self, target: Target, ecu: int) -> int | None:
        """Return the address of who answered a functional request; ``None`` if it has none."""
        if not isinstance(target, FunctionalTarget) or self._is_doip(target.bus):
            return ecu
        return self._by_answer.get((target.bus, ecu))

    def _is_doip(self, name: str) -> bool:
        return any(bus.name == name and bus.kind == "doip" for bus in self._buses)


def is_functional(address: int) -> bool:
    """Tell whether several control units may answer."""
    return address in _GROUPS


def _ecus(capabilities: Capabilities) -> Iterator[DoorEcu]:
    taken: set[int] = set()
    for ecu in capabilities.ecus:
        if ecu.logical_address is not None and 0 < ecu.logical_address <= _LAST:
            taken.add(ecu.logical_address)
            yield DoorEcu(ecu.name, ecu.logical_address, DoipTarget(ecu.logical_address))
    on_can = [bus for bus in capabilities.buses if bus.kind != "doip"]
    for index, bus in enumerate(on_can):
        for ecu in sorted(_of_bus(bus, capabilities), key=_order):
            address = _address(index, ecu)
            if address is None or address in taken:
                address = next((it for it in _OVERFLOW if it not in taken), None)
            if address is not None:
                taken.add(address)
                yield DoorEcu(ecu.name, address, _target(ecu))


def _of_bus(bus: BusInfo, capabilities: Capabilities) -> Iterator[EcuInfo]:
    declared = [ecu for ecu in capabilities.ecus if ecu.bus == bus.name]
    yield from (ecu for ecu in declared if ecu.request_id is not None)
    if not declared:
        for request_id, response_id in _OBD:
            yield EcuInfo(f"obd {request_id:03X}", bus.name, request_id, response_id)


def _order(ecu: EcuInfo) -> tuple[int, int, str]:
    byte = ecu.target_address if ecu.mode == "extended" else ecu.address_extension
    return ecu.request_id or 0, byte or 0, ecu.name


def _address(index: int, ecu: EcuInfo) -> int | None:
    """Return what the table above gives a control unit on CAN; ``None`` where it has no row."""
    request_id = ecu.request_id or 0
    if ecu.mode in {"extended", "mixed"}:
        byte = ecu.target_address if ecu.mode == "extended" else ecu.address_extension
        fits = byte is not None and 0 <= byte <= 0xFF and index <= 7
        return 0x7000 + 0x100 * index + (byte or 0) if fits else None
    if not ecu.extended:
        fits = 0 <= request_id <= MAX_STANDARD_ID and index <= 4
        return 0x1000 * (index + 1) + request_id if fits else None
    if request_id >> 16 == _FIXED and index <= 15:
        return 0x6000 + 0x100 * index + (request_id >> 8 & 0xFF)
    return None


def _target(ecu: EcuInfo) -> CanTarget:
    return CanTarget(
        ecu.request_id or 0,
        ecu.response_id,
        bus=ecu.bus,
        extended=ecu.extended,
        mode=ecu.mode,
        target_address=ecu.target_address,
        source_address=ecu.source_address,
        address_extension=ecu.address_extension,
    )
