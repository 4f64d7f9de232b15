"""Identifiers that a tester puts together from others at run time (service 2C)."""

from __future__ import annotations

from dataclasses import dataclass

#: Identifiers that may be defined: F200 to F3FF (ISO 14229-1, table C.1).
DEFINABLE = range(0xF200, 0xF400)

#: Parts of one definition; more would not fit into one answer anyway.
MAX_PARTS = 64

#: Definitions of one ECU at a time.
MAX_DEFINITIONS = 16


@dataclass(frozen=True, slots=True)
class IdentifierPart:
    """Some bytes of another identifier; ``position`` counts from one."""

    identifier: int
    position: int
    length: int


@dataclass(frozen=True, slots=True)
class MemoryPart:
    """Some bytes of memory."""

    address: int
    length: int


Part = IdentifierPart | MemoryPart


class Definitions:
    """Owns the identifiers defined by testers; a reset forgets them."""

    def __init__(self) -> None:
        self._parts: dict[int, tuple[Part, ...]] = {}

    def find(self, identifier: int) -> tuple[Part, ...] | None:
        """Return what an identifier is put together from, or ``None``."""
        return self._parts.get(identifier)

    def extend(self, identifier: int, parts: tuple[Part, ...]) -> bool:
        """Define an identifier, or add to it; False where there is no room."""
        known = self._parts.get(identifier, ())
        if len(known) + len(parts) > MAX_PARTS:
            return False
        if not known and len(self._parts) >= MAX_DEFINITIONS:
            return False
        self._parts[identifier] = known + parts
        return True

    def clear(self, identifier: int | None = None) -> None:
        """Forget one definition, or all of them."""
        if identifier is None:
            self._parts.clear()
        else:
            self._parts.pop(identifier, None)
