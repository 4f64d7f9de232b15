"""Answers to ReadDTCInformation (ISO 14229-1, service 19) as people write trouble codes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

#: reportDTCByStatusMask with every status bit: whatever the control unit keeps.
READ_ALL = bytes.fromhex("1902FF")

#: ClearDiagnosticInformation of all groups.
CLEAR_ALL = bytes.fromhex("14FFFFFF")

#: Bits of the status (ISO 14229-1, D.2) that people ask for.
_PRESENT, _PENDING, _CONFIRMED, _INDICATED = 0x01, 0x04, 0x08, 0x80

_SYSTEMS = "PCBU"


@dataclass(frozen=True, slots=True)
class TroubleCode:
    """A trouble code with its status byte.

    Attributes:
        number: 24 bits.
        status: 8 bits.
    """

    number: int
    status: int

    @property
    def text(self) -> str:
        """ISO 15031-6 / SAE J2012 spelling: ``P0301-11``."""
        base = self.number >> 8
        system = _SYSTEMS[base >> 14]
        return f"{system}{base >> 12 & 3:X}{base & 0xFFF:03X}-{self.number & 0xFF:02X}"

    @property
    def state(self) -> str:
        """What its status says, in words."""
        bits = ((_PRESENT, "present"), (_PENDING, "pending"), (_CONFIRMED, "confirmed"))
        words = [word for bit, word in (*bits, (_INDICATED, "lamp on")) if self.status & bit]
        return ", ".join(words) or "not present"


def decode(answer: bytes) -> tuple[TroubleCode, ...]:
    """Return the codes of an answer to :data:`READ_ALL`.

    Raises:
        ValueError: it is no such answer.
    """
    if answer[:2] != b"\x59\x02" or len(answer) < 3 or (len(answer) - 3) % 4:
        raise ValueError(f"{answer.hex(' ').upper():.60} is no list of trouble codes")
    return tuple(_codes(answer[3:]))


def _codes(records: bytes) -> Iterator[TroubleCode]:
    for start in range(0, len(records), 4):
        yield TroubleCode(int.from_bytes(records[start : start + 3]), records[start + 3])
