"""What all declarations of a vehicle have in common: number types, hex bytes, and self-checking.

Numbers may be written in hex (``0x7E0``), bytes as hex text in quotes (``"01 02 FF"``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Annotated

import msgspec

Byte = Annotated[int, msgspec.Meta(ge=0, le=0xFF)]
Word = Annotated[int, msgspec.Meta(ge=0, le=0xFFFF)]
Long = Annotated[int, msgspec.Meta(ge=0, le=0xFFFF_FFFF)]
CanId = Annotated[int, msgspec.Meta(ge=0, le=0x1FFF_FFFF)]
Positive = Annotated[float, msgspec.Meta(gt=0)]
NotNegative = Annotated[float, msgspec.Meta(ge=0)]
Chance = Annotated[float, msgspec.Meta(ge=0, le=1)]


class Hex(bytes):
    """Bytes that a file writes as hex text."""


class SpecError(ValueError):
    """A declaration contradicts itself.

    Attributes:
        complaints: everything that is wrong with it, one sentence each.
    """

    def __init__(self, complaints: Iterable[str]) -> None:
        self.complaints = tuple(complaints)
        super().__init__("; ".join(self.complaints))


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Root of the declarations: unknown members are refused, so that a typing error shows."""

    def __post_init__(self) -> None:
        """Raise SpecError with all complaints at once."""
        found = list(self.complaints())
        if found:
            raise SpecError(found)

    def complaints(self) -> Iterator[str]:
        """Yield what is wrong with the record; nothing by itself, records add their own."""
        yield from ()


class Access(Record, frozen=True, kw_only=True):
    """When something may be used: in which sessions (none named: in all), at which level."""

    sessions: tuple[Byte, ...] = (3,)
    security: Byte | None = None


def twice(what: str, values: Iterable[object]) -> Iterator[str]:
    """Yield a complaint naming the ``values`` that occur more than once."""
    found = [str(value) for value, count in Counter(values).items() if count > 1]
    if found:
        yield f"{what} declared twice: {', '.join(found)}"
