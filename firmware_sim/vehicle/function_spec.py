"""Declarations of what an ECU can be made to do: security levels, routines, programming."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec
from typing_extensions import override

from firmware_sim.vehicle.record import Byte, Hex, Long, NotNegative, Record, Word


class SecuritySpec(Record, frozen=True, kw_only=True):
    """One security level and how its key follows from the seed (see `security.key_for`).

    Attributes:
        level: odd number that requests the seed; the next one sends the key.
        sessions: sessions in which it can be opened.
        mask, rotate, add: constants of the key, 32 bits.
    """

    level: Annotated[int, msgspec.Meta(ge=1, le=0x41)]
    sessions: tuple[Byte, ...] = (2, 3)
    mask: Long
    rotate: Annotated[int, msgspec.Meta(ge=0, le=31)] = 0
    add: Long = 0

    @override
    def complaints(self) -> Iterator[str]:
        if self.level % 2 == 0:
            yield f"security level {self.level} is even; the seed is asked for by odd ones"


class RoutineSpec(Record, frozen=True, kw_only=True):
    """One routine (service 31).

    Attributes:
        id: routine identifier.
        name: for people.
        kind: ``erase`` erases flash, ``check`` compares a flash range with a checksum, and
            ``dependencies`` tells whether all that was programmed was checked; anything else is
            ``plain``.
        checksum: what a check is given: CRC-32 (4 bytes) or SHA-256 (32 bytes).
        sessions: sessions in which it can be used.
        security: level needed.
        option_length: bytes of the start option record of a plain routine.
        work: seconds that the start answer takes; above P2 the ECU asks for time (0x78).
        work_per_kib: seconds added for each KiB that is erased or checked.
        duration: seconds it runs after it was started; 0 means it is done with the answer.
        stoppable: it has a stop sub-function.
        result: content of the answer to "request results" once it is done.
    """

    id: Word
    name: str
    kind: Literal["plain", "erase", "check", "dependencies"] = "plain"
    checksum: Literal["crc32", "sha256"] = "crc32"
    sessions: tuple[Byte, ...] = (3,)
    security: Byte | None = None
    option_length: Annotated[int, msgspec.Meta(ge=0, le=255)] = 0
    work: NotNegative = 0.0
    work_per_kib: NotNegative = 0.0
    duration: NotNegative = 0.0
    stoppable: bool = False
    result: Hex = Hex()

    @override
    def complaints(self) -> Iterator[str]:
        plain_only = (self.option_length, self.duration, self.stoppable, self.result)
        if self.kind != "plain" and any(plain_only):
            yield (
                f"routine {self.id:04X} is of kind {self.kind}: option_length, duration, "
                "stoppable and result follow from that"
            )


class SoftwareNumberSpec(Record, frozen=True, kw_only=True):
    """Where programmed software carries one of its own identifiers."""

    id: Word
    address: Long


class FlashSpec(Record, frozen=True, kw_only=True):
    """How an ECU is programmed (services 34, 36, 37).

    Attributes:
        sessions: sessions in which a download can be requested.
        security: level needed.
        max_block: longest TransferData request, bytes with service and counter (the
            maxNumberOfBlockLength of the answer to 34 and 35).
        formats: dataFormatIdentifiers taken; 00 is neither compressed nor encrypted.
        block_time: seconds that writing one block takes.
        checksum: ``crc32`` lets service 37 carry the CRC-32 of what was sent, and answers it.
        fingerprint: identifier to be written in the same session before anything is erased.
        software: identifiers that a reset takes from programmed software.
    """

    sessions: tuple[Byte, ...] = (2,)
    security: Byte | None = None
    max_block: Annotated[int, msgspec.Meta(ge=3, le=0xFFFF)] = 0x0402
    formats: tuple[Byte, ...] = (0x00,)
    block_time: NotNegative = 0.001
    checksum: Literal["none", "crc32"] = "none"
    fingerprint: Word | None = None
    software: tuple[SoftwareNumberSpec, ...] = ()
