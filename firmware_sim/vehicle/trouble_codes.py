"""Trouble codes: the three bytes ECUs exchange and the text people read.

ISO 15031-6 / SAE J2012: the upper two bits of the first byte name the system (P, C, B, U), the
next fourteen are the code, and on UDS a third byte tells how it fails (``P0301-11``).
"""

from __future__ import annotations

import re

_SYSTEMS = "PCBU"
_FORM = re.compile(r"([PCBU])([0-3])([0-9A-F]{3})(?:-([0-9A-F]{2}))?")


def parse_trouble_code(text: str) -> int:
    """Return the 24-bit number of ``P0301-11``; without a failure type its byte is 00.

    Raises:
        ValueError: it is not of this form.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no trouble code; write it like P0301-11")
    system, first, rest, failure = match.groups()
    base = _SYSTEMS.index(system) << 14 | int(first) << 12 | int(rest, 16)
    return base << 8 | int(failure or "00", 16)


def format_trouble_code(number: int) -> str:
    """Return the text of a 24-bit trouble code."""
    base = number >> 8
    return f"{_SYSTEMS[base >> 14]}{base >> 12 & 3:X}{base & 0xFFF:03X}-{number & 0xFF:02X}"
