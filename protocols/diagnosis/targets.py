"""From what the gateway names to ISO-TP addresses on a bus.

=============  ==================================  ===========================================
mode           what a target has besides its ids   functional: who may answer
=============  ==================================  ===========================================
normal         -                                   known control units; legislated ones (OBD)
normal fixed   - (18DA ta sa, functional 18DB)     every address of the standard
extended       N_TA, N_SA                          known control units of the same tester
mixed          N_AE (29 bits: 18CE, 18CD ta sa)    known ones; with 29 bits every address
=============  ==================================  ===========================================
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from protocols.errors import LocalProtocolError
from protocols.isotp.addressing import (
    OBD_FUNCTIONAL_11,
    OBD_FUNCTIONAL_TARGET,
    OBD_REQUEST_11,
    OBD_TESTER,
    Endpoint,
    IsoTpAddress,
)
from protocols.link.vehicle import CanTarget, EcuInfo

#: ISO 15765-4: functional requests of legislated diagnostics with 29-bit identifiers.
OBD_FUNCTIONAL_29 = 0x18DB0000 | OBD_FUNCTIONAL_TARGET << 8 | OBD_TESTER

# ISO 15765-2, 10.3.3 and 10.3.5: what identifiers with addresses in them begin with. The three
# bits of the priority above are the vehicle maker's choice, 6 by default.
_LAYOUT = 0x03FF0000
_PRIORITY = 0x1C000000
_FIXED_PHYSICAL, _FIXED_FUNCTIONAL = 0x00DA0000, 0x00DB0000
_MIXED_PHYSICAL, _MIXED_FUNCTIONAL = 0x00CE0000, 0x00CD0000
_DEFAULT_PRIORITY = 0x18000000

#: Layouts by mode: physical, functional.
_LAYOUTS = {
    "normal_fixed": (_FIXED_PHYSICAL, _FIXED_FUNCTIONAL),
    "mixed": (_MIXED_PHYSICAL, _MIXED_FUNCTIONAL),
}


def composed_ids(
    mode: str, target: int, source: int, *, functional: bool = False
) -> tuple[int, int | None]:
    """Return the 29-bit identifiers that hold these addresses, with the default priority.

    Args:
        mode: ``normal_fixed`` or ``mixed``.
        target: N_TA of the control unit, or of all of them, one byte.
        source: N_SA of the tester, one byte.
        functional: for a request to everybody.

    Returns:
        Identifier of the request, and of the answer; ``None`` where everybody may answer.

    Raises:
        LocalProtocolError: the mode has no such identifiers.
    """
    if mode not in _LAYOUTS:
        raise LocalProtocolError(f"identifiers of {mode} addressing hold no addresses: name them")
    physical, to_all = (_DEFAULT_PRIORITY | layout for layout in _LAYOUTS[mode])
    if functional:
        return to_all | target << 8 | source, None
    return physical | target << 8 | source, physical | source << 8 | target


def physical_address(target: CanTarget) -> IsoTpAddress:
    """Return the address of one control unit.

    Raises:
        LocalProtocolError: the target's numbers do not make an address of its mode.
    """
    build = _BUILDERS.get(target.mode)
    if build is None:
        raise LocalProtocolError(f"ISO 15765-2 has no addressing mode {target.mode!r}")
    return build(target)


def target_of(ecu: EcuInfo) -> CanTarget | None:
    """Return how a control unit on CAN is asked, or ``None`` where nothing says how."""
    if ecu.request_id is None or ecu.response_id is None:
        return None
    return CanTarget(
        ecu.request_id,
        ecu.response_id,
        ecu.bus,
        ecu.extended,
        ecu.mode,
        ecu.target_address,
        ecu.source_address,
        ecu.address_extension,
        ecu.isotp,
    )


def functional_addresses(target: CanTarget, ecus: Iterable[EcuInfo]) -> tuple[IsoTpAddress, ...]:
    """Return who may answer a request that goes to everybody.

    Args:
        target: without ``response_id``; what the request is sent with.
        ecus: the control units known on the bus.

    Returns:
        At least one address, with the functional identifier in it; see the table above.

    Raises:
        LocalProtocolError: nobody is known who could answer, or the numbers make no address.
    """
    gather = _GATHERERS.get(target.mode)
    if gather is None:
        raise LocalProtocolError(f"ISO 15765-2 has no addressing mode {target.mode!r}")
    alike = [
        candidate
        for ecu in ecus
        if ecu.extended == target.extended and (candidate := target_of(ecu)) is not None
    ]
    found = gather(target, alike)
    if not found:
        raise LocalProtocolError(f"no known control unit can answer {target.request_id:X}")
    prefix = _first_byte(target)
    end = Endpoint(target.request_id, prefix)
    return tuple(replace(address, functional_tx=end) for address in found)


# ------------------------------------------------------------ one control unit


def _normal(target: CanTarget) -> IsoTpAddress:
    make = IsoTpAddress.normal_29 if target.extended else IsoTpAddress.normal_11
    return make(target.request_id, _response_id(target))


def _normal_fixed(target: CanTarget) -> IsoTpAddress:
    _check_layout(target)
    # The frames are those of normal addressing: the addresses are in the identifiers.
    return IsoTpAddress.normal_29(target.request_id, _response_id(target))


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
    _check_layout(target)
    address = IsoTpAddress.mixed_29(*_addresses_in(target.request_id), extension)
    return replace(
        address,
        tx=Endpoint(target.request_id, extension),
        rx=Endpoint(_response_id(target), extension),
    )


def _response_id(target: CanTarget) -> int:
    if target.response_id is None:
        raise LocalProtocolError(f"control unit {target.request_id:X} needs a response_id")
    return target.response_id


def _check_layout(target: CanTarget) -> None:
    """Raise LocalProtocolError unless both identifiers hold the two addresses, swapped."""
    layout = _LAYOUTS[target.mode][0]
    request, answer = target.request_id, _response_id(target)
    pattern = f"{_DEFAULT_PRIORITY | layout:X}"[:4]
    if not target.extended or request & _LAYOUT != layout:
        raise LocalProtocolError(
            f"{request:X} is no identifier of {target.mode} addressing ({pattern} ta sa)"
        )
    wanted = request & ~0xFFFF | (request & 0xFF) << 8 | request >> 8 & 0xFF
    if answer != wanted:
        raise LocalProtocolError(f"{request:X} is answered with {wanted:X}, not with {answer:X}")


def _addresses_in(identifier: int) -> tuple[int, int]:
    """Return target and source address."""
    return identifier >> 8 & 0xFF, identifier & 0xFF


# ------------------------------------------------------------ everybody


def _gather_normal(target: CanTarget, known: Sequence[CanTarget]) -> list[IsoTpAddress]:
    found = [_normal(it) for it in known if it.mode in {"normal", "normal_fixed"}]
    by_answer = {address.rx.id: address for address in found}
    if target.request_id == OBD_FUNCTIONAL_11 and not target.extended:
        by_answer |= {
            request + 8: IsoTpAddress.normal_11(request, request + 8) for request in OBD_REQUEST_11
        }
    elif target.request_id == OBD_FUNCTIONAL_29 and target.extended and not by_answer:
        return _everybody(target, _FIXED_PHYSICAL, IsoTpAddress.normal_29)
    return list(by_answer.values())


def _gather_fixed(target: CanTarget, known: Sequence[CanTarget]) -> list[IsoTpAddress]:
    del known  # whoever answers says in the identifier who it is
    _check_functional(target)
    return _everybody(target, _FIXED_PHYSICAL, IsoTpAddress.normal_29)


def _gather_extended(target: CanTarget, known: Sequence[CanTarget]) -> list[IsoTpAddress]:
    if target.target_address is None or target.source_address is None:
        raise LocalProtocolError("extended addressing needs target_address and source_address")
    return [
        _extended(it)
        for it in known
        if it.mode == "extended" and it.source_address == target.source_address
    ]


def _gather_mixed(target: CanTarget, known: Sequence[CanTarget]) -> list[IsoTpAddress]:
    extension = target.address_extension
    if extension is None:
        raise LocalProtocolError("mixed addressing needs address_extension")
    if not target.extended:
        return [
            _mixed(it) for it in known if it.mode == "mixed" and it.address_extension == extension
        ]
    _check_functional(target)
    template = IsoTpAddress.mixed_29(0, OBD_TESTER, extension)

    def make(request: int, answer: int) -> IsoTpAddress:
        return replace(template, tx=Endpoint(request, extension), rx=Endpoint(answer, extension))

    return _everybody(target, _MIXED_PHYSICAL, make)


def _check_functional(target: CanTarget) -> None:
    layout = _LAYOUTS[target.mode][1]
    if not target.extended or target.request_id & _LAYOUT != layout:
        pattern = f"{_DEFAULT_PRIORITY | layout:X}"[:4]
        raise LocalProtocolError(
            f"{target.request_id:X} is no functional identifier of {target.mode} addressing "
            f"({pattern} ta sa)"
        )


def _everybody(
    target: CanTarget, layout: int, make: Callable[[int, int], IsoTpAddress]
) -> list[IsoTpAddress]:
    """Return every address of the standard but the tester's own."""
    base = target.request_id & _PRIORITY | layout
    tester = target.request_id & 0xFF
    return [
        make(base | ecu << 8 | tester, base | tester << 8 | ecu)
        for ecu in range(0x100)
        if ecu != tester
    ]


def _first_byte(target: CanTarget) -> int | None:
    """Return what a functional frame begins with, where its mode has that."""
    if target.mode == "extended":
        return target.target_address
    return target.address_extension if target.mode == "mixed" else None


_BUILDERS: dict[str, Callable[[CanTarget], IsoTpAddress]] = {
    "normal": _normal,
    "normal_fixed": _normal_fixed,
    "extended": _extended,
    "mixed": _mixed,
}
_GATHERERS: dict[str, Callable[[CanTarget, Sequence[CanTarget]], list[IsoTpAddress]]] = {
    "normal": _gather_normal,
    "normal_fixed": _gather_fixed,
    "extended": _gather_extended,
    "mixed": _gather_mixed,
}
