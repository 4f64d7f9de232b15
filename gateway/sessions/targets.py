"""How operators name control units, and the checks on what they send.

{"request_id": 2016, "response_id": 2024}     on CAN, by its ids; numbers or "0x7E0"
{"logical_address": 4097}                     on DoIP
{"functional": true}                          everybody on the bus, answers gathered
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from gateway.domain.errors import Invalid, TooLarge
from protocols.link.vehicle import CanTarget, DoipTarget, FunctionalTarget, Target

#: A number, or text in any of Python's notations ("0x7E0"), as scripts and people write CAN ids.
Number = int | Annotated[str, msgspec.Meta(max_length=12)]

#: ISO 11898-1: 11-bit identifiers end here, and 29-bit ones there.
_MAX_STANDARD, _MAX_EXTENDED = 0x7FF, 0x1FFFFFFF

#: ISO 13400-2 table 13: logical addresses have 16 bits.
_MAX_ADDRESS = 0xFFFF

#: The largest message the 12-bit length of ISO 15765-2 describes; every ECU with CAN can take no
#: more unless it says so.
MAX_CAN_REQUEST = 4095

#: Addressing modes of ISO 15765-2, and what each needs besides the two identifiers.
_MODES: dict[str, tuple[str, ...]] = {
    "normal": (),
    "normal_fixed": (),
    "extended": ("target_address", "source_address"),
    "mixed": ("address_extension",),
}


class EcuAddress(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A control unit as the operator API spells it; exactly one of the three ways.

    Attributes:
        request_id: CAN id that reaches it.
        response_id: CAN id it answers from.
        logical_address: its DoIP address.
        functional: everybody.
        bus: which bus, where the connector has several.
        extended: 29-bit CAN identifiers; implied by an id above 7FF.
        mode: ISO 15765-2 addressing: normal, normal_fixed, extended, mixed.
        target_address: N_TA for extended addressing.
        source_address: N_SA for extended addressing.
        address_extension: N_AE for mixed addressing.
    """

    request_id: Number | None = None
    response_id: Number | None = None
    logical_address: Number | None = None
    functional: bool = False
    bus: str = ""
    extended: bool = False
    mode: str = "normal"
    target_address: Number | None = None
    source_address: Number | None = None
    address_extension: Number | None = None


def to_target(ecu: EcuAddress) -> Target:
    """Return the target a connector understands.

    Raises:
        Invalid: none or several of the three ways, or a number out of range.
    """
    ways = [ecu.request_id is not None, ecu.logical_address is not None, ecu.functional]
    if sum(ways) != 1:
        raise Invalid(
            "exchange.ecu",
            "Name the control unit in one way: request_id with response_id, logical_address, or "
            "functional.",
            field="ecu",
        )
    if ecu.functional:
        return FunctionalTarget(ecu.bus)
    if ecu.logical_address is not None:
        address = _number(ecu.logical_address, "logical_address", _MAX_ADDRESS)
        # E000-EFFF are functional groups (ISO 13400-2 table 13).
        return DoipTarget(address, functional=0xE000 <= address <= 0xEFFF)
    return _can_target(ecu)


def _can_target(ecu: EcuAddress) -> CanTarget:
    request_id = _number(ecu.request_id, "request_id", _MAX_EXTENDED)
    response_id = _number(ecu.response_id, "response_id", _MAX_EXTENDED)
    if request_id == response_id:
        raise Invalid(
            "exchange.ecu",
            "A control unit answers with another id than the one that reaches it.",
            field="response_id",
        )
    _check_mode(ecu)
    return CanTarget(
        request_id,
        response_id,
        bus=ecu.bus,
        extended=ecu.extended or max(request_id, response_id) > _MAX_STANDARD,
        mode=ecu.mode,
        target_address=_byte(ecu.target_address, "target_address"),
        source_address=_byte(ecu.source_address, "source_address"),
        address_extension=_byte(ecu.address_extension, "address_extension"),
    )


def _check_mode(ecu: EcuAddress) -> None:
    needed = _MODES.get(ecu.mode)
    if needed is None:
        raise Invalid(
            "exchange.mode",
            f"{ecu.mode!r} is no addressing mode of ISO 15765-2: use normal, normal_fixed, "
            "extended or mixed.",
            field="mode",
        )
    for field in needed:
        if getattr(ecu, field) is None:
            raise Invalid(
                "exchange.mode",
                f"{ecu.mode} addressing needs {' and '.join(needed)}.",
                field=field,
            )


def _byte(value: Number | None, field: str) -> int | None:
    return None if value is None else _number(value, field, 0xFF)


def _number(value: Number | None, field: str, largest: int) -> int:
    try:
        number = int(value, 0) if isinstance(value, str) else value
    except ValueError:
        number = None
    if number is None or not 0 <= number <= largest:
        raise Invalid(
            "exchange.ecu",
            f'{field} is a number from 0 to 0x{largest:X}, or text such as "0x7E0".',
            field=field,
        )
    return number


def to_request(text: str, target: Target, *, limit: int) -> bytes:
    """Return the request bytes of hexadecimal text; blanks between bytes are fine.

    Raises:
        Invalid: not hexadecimal, an odd number of digits, or nothing at all.
        TooLarge: more bytes than ``limit``, or than CAN can carry.
    """
    if not text.strip():
        raise Invalid("exchange.empty", "The request has no bytes.", field="request")
    try:
        request = bytes.fromhex(text)
    except ValueError:
        raise Invalid(
            "exchange.hex",
            "The request is hexadecimal text with two digits for each byte, such as 22F190.",
            field="request",
        ) from None
    most = limit if isinstance(target, DoipTarget) else min(limit, MAX_CAN_REQUEST)
    if len(request) > most:
        raise TooLarge(
            "exchange.too_large",
            f"The request has {len(request)} bytes; this vehicle takes at most {most}. Split it, "
            "or hand it over as a transfer.",
            field="request",
        )
    return request
