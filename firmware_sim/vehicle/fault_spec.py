"""Declarations of an ECU's trouble codes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec
from typing_extensions import override

from firmware_sim.vehicle.record import Byte, Hex, Positive, Record, Word, twice
from firmware_sim.vehicle.trouble_codes import parse_trouble_code


class SnapshotSpec(Record, frozen=True, kw_only=True):
    """What was frozen when a fault was seen: record number, content by data identifier."""

    record: Annotated[int, msgspec.Meta(ge=1, le=0xFE)]
    values: dict[Word, Hex]


class ExtendedDataSpec(Record, frozen=True, kw_only=True):
    """One extended data record of a fault.

    Attributes:
        record: its number.
        hex: its content as declared.
        counter: keep a live count in its last byte, from what is declared there: how often the
            test went from passed to failed, how many cycles passed since it last failed, or how
            far the test is from a verdict (the fault detection counter).
    """

    record: Annotated[int, msgspec.Meta(ge=1, le=0xEF)]
    hex: Hex
    counter: Literal["occurrences", "ageing", "detection"] | None = None

    @override
    def complaints(self) -> Iterator[str]:
        if self.counter is not None and not self.hex:
            yield f"extended data record {self.record} counts and needs at least one byte"


class FaultSpec(Record, frozen=True, kw_only=True):
    """One trouble code in memory.

    Attributes:
        code: as people write it, ``P0301-11``.
        status: ISO 14229-1 status bits.
        present: its cause persists, so it comes back after it was cleared.
        intermittent: its cause comes and goes: seconds from one coming to the next.
        emissions: OBD reports it too.
        severity: DTC severity (service 19 08, 09): 20 maintenance, 40 next halt, 80 at once.
        unit: functional unit that it belongs to.
        permanent: OBD mode 0A and 19 15 keep reporting it until its test passed after clearing.
        ageing: cycles without a failure after which a confirmed code is forgotten.
        snapshots: freeze frames.
        extended: extended data records.
    """

    code: str
    status: Byte
    present: bool = False
    intermittent: Positive | None = None
    emissions: bool = False
    severity: Byte = 0
    unit: Byte = 0
    permanent: bool = False
    ageing: Annotated[int, msgspec.Meta(ge=1, le=255)] = 40
    snapshots: tuple[SnapshotSpec, ...] = ()
    extended: tuple[ExtendedDataSpec, ...] = ()

    @override
    def complaints(self) -> Iterator[str]:
        try:
            parse_trouble_code(self.code)
        except ValueError as error:
            yield str(error)
        if self.present and self.intermittent is not None:
            yield "say one of present and intermittent"
        yield from twice("snapshot record", (snapshot.record for snapshot in self.snapshots))
        yield from twice("extended data record", (extended.record for extended in self.extended))

    @property
    def number(self) -> int:
        """The code as 24 bits."""
        return parse_trouble_code(self.code)
