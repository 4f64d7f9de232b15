"""Names of events as service providers see them: ULIDs that hold an event's place.

The first 48 bits of a ULID are milliseconds since 1970; where others put chance, these hold the
event's position, so that a name leads to its place also when the event itself is gone.
"""

from __future__ import annotations

from datetime import UTC, datetime

#: Crockford's base 32: digits and letters without I, L, O and U.
_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUES = {digit: value for value, digit in enumerate(_DIGITS)}
_LENGTH = 26
_PLACE_BITS = 80

#: What a position can be: a signed 64-bit column.
LARGEST_POSITION = 2**63 - 1


def event_id(position: int, occurred_at: datetime) -> str:
    """Return the name of the event at ``position`` (1 or more) that happened at a moment."""
    milliseconds = round(occurred_at.timestamp() * 1_000)
    number = milliseconds << _PLACE_BITS | position
    digits = [_DIGITS[number >> 5 * place & 31] for place in range(_LENGTH)]
    return "".join(reversed(digits))


def position_of(name: str) -> tuple[int, datetime]:
    """Return the position in an event's name, and when it happened.

    Raises:
        ValueError: it is no such name.
    """
    if len(name) != _LENGTH or not _VALUES.keys() >= set(name.upper()):
        raise ValueError("an event's id has 26 digits of Crockford's base 32")
    number = 0
    for digit in name.upper():
        number = number << 5 | _VALUES[digit]
    milliseconds, position = number >> _PLACE_BITS, number & (1 << _PLACE_BITS) - 1
    if not 0 < position <= LARGEST_POSITION or milliseconds >= 1 << 46:
        raise ValueError("no event has such an id")
    return position, datetime.fromtimestamp(milliseconds / 1_000, UTC)
