"""How scripts and people name control units.

can(0x7E0, 0x7E8)      by its CAN identifiers        "7E0:7E8", "can1:7E0:7E8"
doip(0x1001)           by its logical address        "1001"
everybody()            functional: all answer        "functional"
                       by its name at the connector  "engine"
"""

from __future__ import annotations

import re

import msgspec

#: Identifiers above this have 29 bits (ISO 11898-1).
_MAX_STANDARD = 0x7FF

_ON_CAN = re.compile(r"(?:(\w+):)?([0-9A-Fa-f]{1,8}):([0-9A-Fa-f]{1,8})")
_ON_DOIP = re.compile(r"(?:0x)?([0-9A-Fa-f]{4})")


class EcuAddress(msgspec.Struct, frozen=True, omit_defaults=True):
    """A control unit as the operator API spells it; ``docs/firmware.md`` explains the members."""

    request_id: int | None = None
    response_id: int | None = None
    logical_address: int | None = None
    functional: bool = False
    bus: str = ""
    extended_id: bool = False
    addressing: str = "normal"
    target_address: int | None = None
    source_address: int | None = None
    address_extension: int | None = None
    fd: bool | None = None
    brs: bool | None = None
    tx_dl: int | None = None
    padding: int | str | None = None
    stmin: int | None = None
    block_size: int | None = None
    wait_limit: int | None = None


def can(request_id: int, response_id: int, bus: str = "", *, extended: bool = False) -> EcuAddress:
    """Return a control unit on CAN with normal addressing.

    Args:
        request_id: CAN id that reaches it.
        response_id: CAN id that it answers from.
        bus: which bus; the first CAN bus if left out.
        extended: 29-bit identifiers; implied by one above 7FF.
    """
    wide = extended or max(request_id, response_id) > _MAX_STANDARD
    return EcuAddress(request_id=request_id, response_id=response_id, bus=bus, extended_id=wide)


def doip(logical_address: int) -> EcuAddress:
    """Return a control unit on DoIP."""
    return EcuAddress(logical_address=logical_address)


def everybody(bus: str = "") -> EcuAddress:
    """Return everybody on a bus: 7DF on CAN (ISO 15765-4), E400 on DoIP."""
    return EcuAddress(functional=True, bus=bus)


def parse(text: str) -> EcuAddress | None:
    """Return the address in a person's text, or ``None`` where it is not one but a name."""
    if text == "functional":
        return everybody()
    if found := _ON_CAN.fullmatch(text):
        return can(int(found[2], 16), int(found[3], 16), found[1] or "")
    if found := _ON_DOIP.fullmatch(text):
        return doip(int(found[1], 16))
    return None
