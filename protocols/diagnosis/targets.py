"""From what the gateway names to ISO-TP addresses on a bus."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from protocols.errors import LocalProtocolError
from protocols.isotp.addressing import (
    OBD_FUNCTIONAL_11,
    OBD_FUNCTIONAL_TARGET,
    OBD_REQUEST_11,
    OBD_TESTER,
    IsoTpAddress,
)
from protocols.link.vehicle import CanTarget, EcuInfo

#: ISO 15765-4: functional requests of legislated diagnostics with 29-bit identifiers.
OBD_FUNCTIONAL_29 = 0x18DB0000 | OBD_FUNCTIONAL_TARGET << 8 | OBD_TESTER


def physical_address(target: CanTarget) -> IsoTpAddress:
    """Return the address of one control unit.

    Raises:
        LocalProtocolError: the target's numbers do not make an address of its mode.
    """
    build = _BUILDERS.get(target.mode)
    if build is None:
        raise LocalProtocolError(f"ISO 15765-2 has no addressing mode {target.mode!r}")
    return build(target)


def functional_addresses(
    functional_id: int, ecus: Iterable[EcuInfo], *, extended: bool
) -> tuple[IsoTpAddress, ...]:
    """Return who may answer a request that goes to everybody.

    Args:
        functional_id: what the request is sent with.
        ecus: the control units known on the bus.
        extended: 29-bit identifiers.

    Returns:
        The known control units, and those of legislated diagnostics where it is their identifier.
    """
    make = IsoTpAddress.normal_29 if extended else IsoTpAddress.normal_11
    pairs = {
        ecu.response_id: ecu.request_id
        for ecu in ecus
        if ecu.extended == extended and ecu.request_id is not None and ecu.response_id is not None
    }
    if functional_id == OBD_FUNCTIONAL_11 and not extended:
        pairs |= {request + 8: request for request in OBD_REQUEST_11}
    elif functional_id == OBD_FUNCTIONAL_29 and extended and not pairs:
        pairs = {_fixed(OBD_TESTER, ecu): _fixed(ecu, OBD_TESTER) for ecu in range(OBD_TESTER)}
    if not pairs:
        raise LocalProtocolError(f"no known control unit can answer {functional_id:X}")
    return tuple(make(request, answer, functional_id) for answer, request in pairs.items())


def _fixed(target: int, source: int) -> int:
    return 0x18DA0000 | target << 8 | source


def _normal(target: CanTarget) -> IsoTpAddress:
    # Normal fixed addressing has the same frames: its addresses are in the identifiers.
    make = IsoTpAddress.normal_29 if target.extended else IsoTpAddress.normal_11
    return make(target.request_id, _response_id(target))


def _extended(target: CanTarget) -> IsoTpAddress:
    if target.target_address is None or target.source_address is None:
        raise LocalProtocolError("extended addressing needs target_address and source_address")
    make = IsoTpAddress.extended_29 if target.extended else IsoTpAddress.extended_11
    return make(
        target.request_id, _response_id(target), target.target_address, target.source_address
    )


def _mixed(target: CanTarget) -> IsoTpAddress:
    extension = target.address_extension
    if extension is None:
        raise LocalProtocolError("mixed addressing needs address_extension")
    if not target.extended:
        return IsoTpAddress.mixed_11(target.request_id, _response_id(target), extension)
    number = target.request_id
    address = IsoTpAddress.mixed_29(number >> 8 & 0xFF, number & 0xFF, extension)
    if (address.tx.id, address.rx.id) != (number, _response_id(target)):
        raise LocalProtocolError(f"{number:X} is no identifier of mixed addressing (18CE ta sa)")
    return address


def _response_id(target: CanTarget) -> int:
    if target.response_id is None:
        raise LocalProtocolError(f"control unit {target.request_id:X} needs a response_id")
    return target.response_id


_BUILDERS: dict[str, Callable[[CanTarget], IsoTpAddress]] = {
    "normal": _normal,
    "normal_fixed": _normal,
    "extended": _extended,
    "mixed": _mixed,
}
