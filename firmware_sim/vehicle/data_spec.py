"""Declarations of an ECU's data: live values, identifiers, their coding rules, memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec
from typing_extensions import override

from firmware_sim.vehicle.record import (
    Access,
    Byte,
    Hex,
    Long,
    NotNegative,
    Positive,
    Record,
    Word,
)


class WaveSpec(Record, frozen=True, kw_only=True):
    """A value that changes with time.

    Attributes:
        base: middle of its wave, in physical units.
        swing: how far it moves to either side.
        period: seconds for one wave.
        shape: how it moves; ``saw`` climbs and falls back, ``square`` jumps.
    """

    base: float
    swing: NotNegative = 0.0
    period: Positive = 60.0
    shape: Literal["sine", "triangle", "saw", "square"] = "sine"


class SignalSpec(WaveSpec, frozen=True, kw_only=True):
    """A value that changes with time, and how it becomes bytes.

    Attributes:
        factor: physical units of one raw step (raw = (value - offset) / factor).
        offset: physical value of raw zero.
        length: bytes of the raw value.
    """

    factor: Positive = 1.0
    offset: float = 0.0
    length: Annotated[int, msgspec.Meta(ge=1, le=8)] = 1


class NumberSpec(Record, frozen=True, kw_only=True):
    """A stored number: its first value, its bytes, and what may be written to it."""

    value: Annotated[int, msgspec.Meta(ge=0)]
    length: Annotated[int, msgspec.Meta(ge=1, le=8)] = 1
    low: Annotated[int, msgspec.Meta(ge=0)] = 0
    high: Annotated[int, msgspec.Meta(ge=0)] | None = None

    @override
    def complaints(self) -> Iterator[str]:
        if not self.low <= self.value <= self.highest:
            yield f"value {self.value} is not within {self.low} to {self.highest}"
        if self.highest >= 1 << 8 * self.length:
            yield f"{self.highest} does not fit into {self.length} bytes"

    @property
    def highest(self) -> int:
        """The highest number that may be written."""
        return (1 << 8 * self.length) - 1 if self.high is None else self.high

    def accepts(self, content: bytes) -> bool:
        """Tell whether a content is within the bounds."""
        return self.low <= int.from_bytes(content) <= self.highest


class CodingRule(Record, frozen=True, kw_only=True):
    """What one byte of a coding may hold, or some bits of it.

    Attributes:
        name: for people.
        byte: its place, counted from zero.
        mask: the bits that this rule is about.
        allowed: what those bits may be, the others taken as zero.
    """

    name: str
    byte: Byte
    mask: Byte = 0xFF
    allowed: Annotated[tuple[Byte, ...], msgspec.Meta(min_length=1)]

    @override
    def complaints(self) -> Iterator[str]:
        beyond = [f"{value:02X}" for value in self.allowed if value & ~self.mask]
        if beyond:
            yield f"allowed values outside mask {self.mask:02X}: {', '.join(beyond)}"

    def accepts(self, content: bytes) -> bool:
        """Tell whether a content keeps this rule."""
        return content[self.byte] & self.mask in self.allowed


class IdentifierSpec(Record, frozen=True, kw_only=True):
    """One data identifier; exactly one of text, hex, number, live and vin says what it holds.

    Attributes:
        id: the identifier (service 22).
        name: for people.
        text: ASCII content.
        hex: any content.
        number: a stored number, big-endian.
        live: a value that changes with time.
        vin: it holds the vehicle's identification number.
        sessions: sessions in which it can be read; empty means all.
        security: level needed to read it.
        write: makes it writable, with content of the same length.
        coding: rules that written content has to keep.
        control: makes it an output that testers may hold (service 2F).
    """

    id: Word
    name: str
    text: str | None = None
    hex: Hex | None = None
    number: NumberSpec | None = None
    live: SignalSpec | None = None
    vin: bool = False
    sessions: tuple[Byte, ...] = ()
    security: Byte | None = None
    write: Access | None = None
    coding: tuple[CodingRule, ...] = ()
    control: Access | None = None

    @override
    def complaints(self) -> Iterator[str]:
        sources = (self.text, self.hex, self.number, self.live, self.vin or None)
        if sum(source is not None for source in sources) != 1:
            yield "say exactly one of text, hex, number, live and vin"
        if self.text is not None and not self.text.isascii():
            yield "text holds ASCII only"
        if self.write is not None and self.live is not None:
            yield "a live value cannot be written"
        if self.control is not None and (self.vin or self.text is not None):
            yield "only hex, number and live can be controlled"
        yield from self._coding_complaints()

    def _coding_complaints(self) -> Iterator[str]:
        if not self.coding:
            return
        if self.hex is None or self.write is None:
            yield "coding rules need hex content that can be written"
            return
        for rule in self.coding:
            if rule.byte >= len(self.hex):
                yield f"coding rule {rule.name!r} is about byte {rule.byte} of {len(self.hex)}"
            elif not rule.accepts(self.hex):
                yield f"the content itself breaks coding rule {rule.name!r}"


class MemorySpec(Record, frozen=True, kw_only=True):
    """One range of an ECU's address space.

    Attributes:
        name: for people.
        start: its first address.
        length: bytes, 16 MiB at most.
        flash: it is erased and programmed (31, 34), not written (3D).
        read: makes it readable (services 23 and 35).
        write: makes it writable (service 3D).
        fill: what it holds at first; left out, something like software, from the seed.
        content: other bytes at some addresses.
    """

    name: str
    start: Long
    length: Annotated[int, msgspec.Meta(ge=1, le=1 << 24)]
    flash: bool = False
    read: Access | None = None
    write: Access | None = None
    fill: Byte | None = None
    content: dict[Long, Hex] = msgspec.field(default_factory=dict)

    @override
    def complaints(self) -> Iterator[str]:
        if self.end > 1 << 32:
            yield f"memory {self.name} goes beyond 32-bit addresses"
        if self.flash and self.write is not None:
            yield f"memory {self.name} is flash: it is programmed, not written"
        for address, content in self.content.items():
            if address < self.start or address + len(content) > self.end:
                yield f"content at {address:08X} is outside memory {self.name}"

    @property
    def end(self) -> int:
        """The first address behind it."""
        return self.start + self.length

    def holds(self, address: int, length: int) -> bool:
        """Tell whether a range lies within it."""
        return self.start <= address and address + length <= self.end
