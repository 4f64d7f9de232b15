"""What a simulated control unit is, as records.

Each record checks itself when it is made; the loader turns what is wrong into one readable line.
Numbers may be written in hex (``0x7E0``), bytes as hex text in quotes (``"01 02 FF"``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Annotated

import msgspec

from firmware_sim.vehicle.trouble_codes import parse_trouble_code

Byte = Annotated[int, msgspec.Meta(ge=0, le=0xFF)]
Word = Annotated[int, msgspec.Meta(ge=0, le=0xFFFF)]
CanId = Annotated[int, msgspec.Meta(ge=0, le=0x1FFF_FFFF)]
Positive = Annotated[float, msgspec.Meta(gt=0)]
NotNegative = Annotated[float, msgspec.Meta(ge=0)]


class Hex(bytes):
    """Bytes that a file writes as hex text."""


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Root of the records: unknown members are refused, so that a typing error shows."""


def refuse_twice(what: str, values: Iterable[object]) -> None:
    """Raise ValueError naming the ``values`` that occur more than once."""
    twice = [str(value) for value, count in Counter(values).items() if count > 1]
    if twice:
        raise ValueError(f"{what} declared twice: {', '.join(twice)}")


class SignalSpec(Record, frozen=True, kw_only=True):
    """A value that changes with time.

    Attributes:
        base: middle of its wave, in physical units.
        swing: how far it moves to either side.
        period: seconds for one wave.
        factor: physical units of one raw step (raw = (value - offset) / factor).
        offset: physical value of raw zero.
        length: bytes of the raw value.
    """

    base: float
    swing: NotNegative = 0.0
    period: Positive = 60.0
    factor: Positive = 1.0
    offset: float = 0.0
    length: Annotated[int, msgspec.Meta(ge=1, le=8)] = 1


class WriteRule(Record, frozen=True, kw_only=True):
    """When an identifier may be written (service 2E): in which sessions, at which level."""

    sessions: tuple[Byte, ...] = (3,)
    security: Byte | None = None


class IdentifierSpec(Record, frozen=True, kw_only=True):
    """One data identifier; exactly one of text, hex, live and vin says what it holds.

    Attributes:
        id: the identifier (service 22).
        name: for people.
        text: ASCII content.
        hex: any content.
        live: a value that changes with time.
        vin: it holds the vehicle's identification number.
        sessions: sessions in which it can be read; empty means all.
        security: level needed to read it.
        write: makes it writable, with content of the same length.
    """

    id: Word
    name: str
    text: str | None = None
    hex: Hex | None = None
    live: SignalSpec | None = None
    vin: bool = False
    sessions: tuple[Byte, ...] = ()
    security: Byte | None = None
    write: WriteRule | None = None

    def __post_init__(self) -> None:
        sources = (self.text, self.hex, self.live, self.vin or None)
        if sum(source is not None for source in sources) != 1:
            raise ValueError("say exactly one of text, hex, live and vin")
        if self.text is not None and not self.text.isascii():
            raise ValueError("text holds ASCII only")
        if self.write is not None and self.live is not None:
            raise ValueError("a live value cannot be written")


class SnapshotSpec(Record, frozen=True, kw_only=True):
    """What was frozen when a fault was seen: record number, content by data identifier."""

    record: Annotated[int, msgspec.Meta(ge=1, le=0xFE)]
    values: dict[Word, Hex]


class ExtendedDataSpec(Record, frozen=True, kw_only=True):
    """Counters of a fault: record number and content."""

    record: Annotated[int, msgspec.Meta(ge=1, le=0xEF)]
    hex: Hex


class FaultSpec(Record, frozen=True, kw_only=True):
    """One trouble code in memory.

    Attributes:
        code: as people write it, ``P0301-11``.
        status: ISO 14229-1 status bits.
        present: its cause persists, so it comes back after it was cleared.
        emissions: OBD reports it too.
        snapshots: freeze frames.
        extended: extended data records.
    """

    code: str
    status: Byte
    present: bool = False
    emissions: bool = False
    snapshots: tuple[SnapshotSpec, ...] = ()
    extended: tuple[ExtendedDataSpec, ...] = ()

    def __post_init__(self) -> None:
        parse_trouble_code(self.code)
        refuse_twice("snapshot record", (snapshot.record for snapshot in self.snapshots))
        refuse_twice("extended data record", (extended.record for extended in self.extended))

    @property
    def number(self) -> int:
        """The code as 24 bits."""
        return parse_trouble_code(self.code)


class SecuritySpec(Record, frozen=True, kw_only=True):
    """One security level and how its key follows from the seed (see `security.key_for`).

    Attributes:
        level: odd number that requests the seed; the next one sends the key.
        sessions: sessions in which it can be opened.
        mask, rotate, add: constants of the key, 32 bits.
    """

    level: Annotated[int, msgspec.Meta(ge=1, le=0x41)]
    sessions: tuple[Byte, ...] = (2, 3)
    mask: Annotated[int, msgspec.Meta(ge=0, le=0xFFFF_FFFF)]
    rotate: Annotated[int, msgspec.Meta(ge=0, le=31)] = 0
    add: Annotated[int, msgspec.Meta(ge=0, le=0xFFFF_FFFF)] = 0

    def __post_init__(self) -> None:
        if self.level % 2 == 0:
            raise ValueError(
                f"security level {self.level} is even; the seed is asked for by odd ones"
            )


class RoutineSpec(Record, frozen=True, kw_only=True):
    """One routine (service 31).

    Attributes:
        id: routine identifier.
        name: for people.
        sessions: sessions in which it can be used.
        security: level needed.
        option_length: bytes of the start option record.
        work: seconds that the start answer takes; above P2 the ECU asks for time (0x78).
        duration: seconds it runs after it was started; 0 means it is done with the answer.
        stoppable: it has a stop sub-function.
        result: content of the answer to "request results" once it is done.
    """

    id: Word
    name: str
    sessions: tuple[Byte, ...] = (3,)
    security: Byte | None = None
    option_length: Annotated[int, msgspec.Meta(ge=0, le=255)] = 0
    work: NotNegative = 0.0
    duration: NotNegative = 0.0
    stoppable: bool = False
    result: Hex = Hex()


class PidSpec(Record, frozen=True, kw_only=True):
    """One OBD parameter of mode 01: fixed bytes or a live value."""

    pid: Annotated[int, msgspec.Meta(ge=1, le=0xFF)]
    name: str
    hex: Hex | None = None
    live: SignalSpec | None = None

    def __post_init__(self) -> None:
        if (self.hex is None) == (self.live is None):
            raise ValueError("say exactly one of hex and live")
        if self.pid % 0x20 == 0:
            raise ValueError(f"PID {self.pid:02X} is a bitmap; it follows from the others")


class ObdSpec(Record, frozen=True, kw_only=True):
    """What the ECU tells to OBD testers (SAE J1979).

    Attributes:
        ecu_name: at most 20 characters (mode 09, 0A).
        calibration_ids: at most 16 characters each (mode 09, 04).
        calibration_numbers: 4 bytes each (mode 09, 06).
        pids: parameters of mode 01.
    """

    ecu_name: Annotated[str, msgspec.Meta(max_length=20)]
    calibration_ids: tuple[Annotated[str, msgspec.Meta(max_length=16)], ...]
    calibration_numbers: tuple[Hex, ...] = ()
    pids: tuple[PidSpec, ...]

    def __post_init__(self) -> None:
        refuse_twice("PID", (pid.pid for pid in self.pids))
        if any(len(number) != 4 for number in self.calibration_numbers):
            raise ValueError("a calibration verification number has 4 bytes")


class TimingSpec(Record, frozen=True, kw_only=True):
    """How fast the ECU is, seconds.

    Attributes:
        response: usual time to an answer.
        jitter: up to so much is added to it, from the seed.
        p2: the P2server it promises in answers to service 10.
        p2_star: likewise P2*server.
        s3: how long a session lasts without a request.
        boot: after a reset it is silent for so long.
        clear: erasing its fault memory takes so long.
    """

    response: NotNegative = 0.002
    jitter: NotNegative = 0.001
    p2: Positive = 0.05
    p2_star: Positive = 5.0
    s3: Positive = 5.0
    boot: NotNegative = 0.3
    clear: NotNegative = 0.12


class EcuSpec(Record, frozen=True, kw_only=True):
    """One control unit.

    Attributes:
        name: unique in its vehicle.
        bus: the CAN bus it sits on; the first one if left out.
        request_id: CAN id it listens to, response_id the one it answers from.
        extended: both are 29-bit ids.
        logical_address: its DoIP address.
        sessions: diagnostic sessions it has.
        attempts: wrong keys, of all levels together, until the delay begins.
        attempt_delay: seconds to wait after that.
        fault_mask: status bits it maintains (DTCStatusAvailabilityMask).
    """

    name: str
    bus: str = ""
    request_id: CanId | None = None
    response_id: CanId | None = None
    extended: bool = False
    logical_address: Word | None = None
    sessions: tuple[Annotated[int, msgspec.Meta(ge=1, le=0x7E)], ...] = (1, 2, 3)
    fault_mask: Byte = 0x2F
    timing: TimingSpec = TimingSpec()
    identifiers: tuple[IdentifierSpec, ...] = ()
    faults: tuple[FaultSpec, ...] = ()
    security: tuple[SecuritySpec, ...] = ()
    attempts: Annotated[int, msgspec.Meta(ge=1, le=255)] = 3
    attempt_delay: Positive = 10.0
    routines: tuple[RoutineSpec, ...] = ()
    obd: ObdSpec | None = None

    def __post_init__(self) -> None:
        refuse_twice("identifier", (f"{item.id:04X}" for item in self.identifiers))
        refuse_twice("trouble code", (fault.code for fault in self.faults))
        refuse_twice("security level", (level.level for level in self.security))
        refuse_twice("routine", (f"{routine.id:04X}" for routine in self.routines))
        if 1 not in self.sessions:
            raise ValueError("every ECU has the default session 1 (ISO 14229-1)")
        levels = {level.level for level in self.security}
        for name, level in self._levels_needed():
            if level is not None and level not in levels:
                raise ValueError(f"{name} needs security level {level}, which is not declared")

    def _levels_needed(self) -> Iterable[tuple[str, int | None]]:
        for item in self.identifiers:
            yield f"identifier {item.id:04X}", item.security
            if item.write is not None:
                yield f"writing identifier {item.id:04X}", item.write.security
        for routine in self.routines:
            yield f"routine {routine.id:04X}", routine.security
