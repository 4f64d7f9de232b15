"""How operators name control units, and the checks on what they send.

{"request_id": 2016, "response_id": 2024}     on CAN, by its ids; numbers or "0x7E0"
{"logical_address": 4097}                     on DoIP
{"functional": true}                          everybody on the bus, answers gathered

On CAN every addressing mode of ISO 15765-2 is there:

{"request_id": "0x6F1", "response_id": "0x612", "addressing": "extended",
 "target_address": "0x12", "source_address": "0xF1"}
{"addressing": "normal_fixed", "target_address": "0x10", "source_address": "0xF1"}
{"request_id": "0x7E0", "response_id": "0x7E8", "addressing": "mixed", "address_extension": 5}
{"addressing": "mixed", "target_address": 16, "source_address": "0xF1", "address_extension": 5}
{"request_id": "0x700", "functional": true}   everybody, by an identifier of the maker

and ``fd``, ``brs``, ``tx_dl``, ``padding``, ``stmin``, ``block_size`` and ``wait_limit`` say how
ISO-TP is spoken with this control unit, where that is not as on its bus.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from gateway.domain.errors import Invalid, TooLarge
from protocols.diagnosis.speech import MAX_PAYLOAD, NO_PADDING, params_for
from protocols.diagnosis.targets import composed_ids, physical_address
from protocols.errors import LocalProtocolError
from protocols.isotp.params import IsoTpParams
from protocols.link.vehicle import (
    CanTarget,
    DoipTarget,
    FunctionalTarget,
    IsoTpOptions,
    Target,
)

#: A number, or text in any of Python's notations ("0x7E0"), as scripts and people write CAN ids.
Number = int | Annotated[str, msgspec.Meta(max_length=12)]

#: ISO 11898-1: 11-bit identifiers end here, and 29-bit ones there.
_MAX_STANDARD, _MAX_EXTENDED = 0x7FF, 0x1FFFFFFF

#: ISO 13400-2 table 13: logical addresses have 16 bits.
_MAX_ADDRESS = 0xFFFF

#: Addressing modes of ISO 15765-2, and what each needs besides the identifiers.
_MODES: dict[str, tuple[str, ...]] = {
    "normal": (),
    "normal_fixed": (),
    "extended": ("target_address", "source_address"),
    "mixed": ("address_extension",),
}

#: Modes whose identifiers can be made from these addresses.
_COMPOSED = frozenset({"normal_fixed", "mixed"})

#: Members that say how ISO-TP is spoken.
_SPEECH = ("fd", "brs", "tx_dl", "padding", "stmin", "block_size", "wait_limit")


class EcuAddress(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A control unit as the operator API spells it; exactly one of the three ways.

    Attributes:
        request_id: CAN id that reaches it; normal fixed and mixed addressing with 29 bits make it
            of target and source address where it is left out.
        response_id: CAN id it answers from; likewise.
        logical_address: its DoIP address.
        functional: everybody; on CAN with the standard's identifier (7DF, 18DB33F1), or with
            ``request_id`` or ``target_address`` where they are given.
        bus: which bus, where the connector has several.
        extended_id: 29-bit CAN identifiers; implied by an id above 7FF.
        addressing: ISO 15765-2 addressing: normal, normal_fixed, extended, mixed.
        target_address: N_TA for extended addressing, or to make identifiers of.
        source_address: N_SA likewise; the tester's.
        address_extension: N_AE for mixed addressing.
        fd: send CAN-FD frames, or classic ones on a CAN-FD bus.
        brs: switch the bit rate for the data phase.
        tx_dl: longest frame sent, 8 to 64 bytes.
        padding: byte that fills frames, or "none".
        stmin: separation time asked of it, the byte of the flow control: 0 to 127 ms, or F1 to
            F9 for 100 to 900 us.
        block_size: frames taken before the next flow control; 0 takes all.
        wait_limit: flow controls "wait" obeyed in a row.
    """

    request_id: Number | None = None
    response_id: Number | None = None
    logical_address: Number | None = None
    functional: bool = False
    bus: str = ""
    extended_id: bool = False
    addressing: str = "normal"
    target_address: Number | None = None
    source_address: Number | None = None
    address_extension: Number | None = None
    fd: bool | None = None
    brs: bool | None = None
    tx_dl: int | None = None
    padding: Number | Literal["none"] | None = None
    stmin: Number | None = None
    block_size: int | None = None
    wait_limit: int | None = None


def to_target(ecu: EcuAddress) -> Target:
    """Return the target a connector understands.

    Raises:
        Invalid: none or several of the three ways, or numbers that make no address.
    """
    on_can = ecu.request_id is not None or ecu.target_address is not None
    on_doip = ecu.logical_address is not None
    if on_can + on_doip + (ecu.functional and not on_can) != 1:
        raise _invalid(
            "Name the control unit in one way: request_id with response_id, logical_address, or "
            "functional.",
            "ecu",
        )
    if on_can:
        return _can_target(ecu)
    if ecu.logical_address is None:
        return FunctionalTarget(ecu.bus)
    address = _number(ecu.logical_address, "logical_address", _MAX_ADDRESS)
    # E000-EFFF are functional groups (ISO 13400-2 table 13).
    return DoipTarget(address, functional=0xE000 <= address <= 0xEFFF)


def _can_target(ecu: EcuAddress) -> CanTarget:
    _check_mode(ecu)
    request_id, response_id = _ids(ecu)
    if request_id == response_id:
        raise _invalid(
            "A control unit answers with another id than the one that reaches it.", "response_id"
        )
    target = CanTarget(
        request_id,
        response_id,
        bus=ecu.bus,
        extended=ecu.extended_id or max(request_id, response_id or 0) > _MAX_STANDARD,
        mode=ecu.addressing,
        target_address=_byte(ecu.target_address, "target_address"),
        source_address=_byte(ecu.source_address, "source_address"),
        address_extension=_byte(ecu.address_extension, "address_extension"),
        isotp=_options(ecu),
    )
    if response_id is not None:
        _check_address(target)
    return target


def _ids(ecu: EcuAddress) -> tuple[int, int | None]:
    """Return the identifiers, made of the addresses where none are given."""
    if ecu.request_id is not None:
        request_id = _number(ecu.request_id, "request_id", _MAX_EXTENDED)
        if not ecu.functional:
            return request_id, _number(ecu.response_id, "response_id", _MAX_EXTENDED)
        if ecu.response_id is not None:
            raise _invalid(
                "Everybody answers with an id of its own: leave this out.", "response_id"
            )
        return request_id, None
    if ecu.addressing not in _COMPOSED:
        raise _invalid(f"{ecu.addressing} addressing needs a request_id.", "request_id")
    target = _number(ecu.target_address, "target_address", 0xFF)
    source = _number(ecu.source_address, "source_address", 0xFF)
    return composed_ids(ecu.addressing, target, source, functional=ecu.functional)


def _check_mode(ecu: EcuAddress) -> None:
    needed = _MODES.get(ecu.addressing)
    if needed is None:
        raise Invalid(
            "exchange.addressing",
            f"{ecu.addressing!r} is no addressing mode of ISO 15765-2: use normal, normal_fixed, "
            "extended or mixed.",
            field="addressing",
        )
    for field in needed:
        if getattr(ecu, field) is None:
            raise Invalid(
                "exchange.addressing",
                f"{ecu.addressing} addressing needs {' and '.join(needed)}.",
                field=field,
            )


def _check_address(target: CanTarget) -> None:
    """Raise Invalid where the numbers contradict each other: here, not at the vehicle."""
    try:
        physical_address(target)
    except LocalProtocolError as error:
        raise _invalid(f"These numbers make no address: {error}.", "request_id") from None


def _options(ecu: EcuAddress) -> IsoTpOptions | None:
    if all(getattr(ecu, name) is None for name in _SPEECH):
        return None
    options = IsoTpOptions(
        ecu.fd,
        ecu.brs,
        ecu.tx_dl,
        NO_PADDING if ecu.padding == "none" else _byte(ecu.padding, "padding"),
        _byte(ecu.stmin, "stmin"),
        ecu.block_size,
        ecu.wait_limit,
    )
    # Whether its bus has CAN-FD is known to the connector; what no bus has is refused here.
    wide = ecu.fd is not False and (ecu.fd or bool(ecu.brs) or (ecu.tx_dl or 8) > 8)
    try:
        params_for(IsoTpParams(can_fd=wide), options, fd=True)
    except LocalProtocolError as error:
        raise _invalid(f"ISO-TP cannot be spoken so: {error}.", "ecu") from None
    return options


def _byte(value: Number | None, field: str) -> int | None:
    return None if value is None else _number(value, field, 0xFF)


def _number(value: Number | None, field: str, largest: int) -> int:
    try:
        number = int(value, 0) if isinstance(value, str) else value
    except ValueError:
        number = None
    if number is None or not 0 <= number <= largest:
        raise _invalid(
            f'{field} is a number from 0 to 0x{largest:X}, or text such as "0x7E0".', field
        )
    return number


def _invalid(text: str, field: str) -> Invalid:
    return Invalid("exchange.ecu", text, field=field)


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
    most = limit if isinstance(target, DoipTarget) else min(limit, MAX_PAYLOAD)
    if len(request) > most:
        raise TooLarge(
            "exchange.too_large",
            f"The request has {len(request)} bytes; this vehicle takes at most {most}. Split it, "
            "or hand it over as a transfer.",
            field="request",
        )
    return request
