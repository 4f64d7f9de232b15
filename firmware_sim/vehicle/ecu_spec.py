"""What a simulated control unit is, as one record made of the others."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Annotated

import msgspec
from typing_extensions import override

from firmware_sim.vehicle.data_spec import IdentifierSpec, MemorySpec
from firmware_sim.vehicle.fault_spec import FaultSpec
from firmware_sim.vehicle.function_spec import FlashSpec, RoutineSpec, SecuritySpec
from firmware_sim.vehicle.obd_spec import ObdSpec
from firmware_sim.vehicle.record import (
    Access,
    Byte,
    CanId,
    NotNegative,
    Positive,
    Record,
    Word,
    twice,
)
from firmware_sim.vehicle.transport_spec import TransportSpec


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
        transport: how it speaks ISO 15765-2 there.
        logical_address: its DoIP address.
        sessions: diagnostic sessions it has.
        attempts: wrong keys, of all levels together, until the delay begins.
        attempt_delay: seconds to wait after that.
        fault_mask: status bits it maintains (DTCStatusAvailabilityMask).
        memory: ranges of its address space (services 23, 3D, 34, 35).
        flash: makes it programmable.
        dynamic_identifiers: testers may define identifiers of their own (service 2C).
    """

    name: str
    bus: str = ""
    request_id: CanId | None = None
    response_id: CanId | None = None
    extended: bool = False
    transport: TransportSpec = TransportSpec()
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
    memory: tuple[MemorySpec, ...] = ()
    flash: FlashSpec | None = None
    dynamic_identifiers: bool = False
    obd: ObdSpec | None = None

    @override
    def complaints(self) -> Iterator[str]:
        yield from twice("identifier", (f"{item.id:04X}" for item in self.identifiers))
        yield from twice("trouble code", (fault.code for fault in self.faults))
        yield from twice("security level", (level.level for level in self.security))
        yield from twice("routine", (f"{routine.id:04X}" for routine in self.routines))
        if 1 not in self.sessions:
            yield "every ECU has the default session 1 (ISO 14229-1)"
        levels = {level.level for level in self.security}
        for name, level in self._levels_needed():
            if level is not None and level not in levels:
                yield f"{name} needs security level {level}, which is not declared"
        yield from self._memory_complaints()
        yield from self._flash_complaints()

    def _levels_needed(self) -> Iterable[tuple[str, int | None]]:
        for item in self.identifiers:
            yield f"identifier {item.id:04X}", item.security
            yield from _level_of(f"writing identifier {item.id:04X}", item.write)
            yield from _level_of(f"controlling identifier {item.id:04X}", item.control)
        for routine in self.routines:
            yield f"routine {routine.id:04X}", routine.security
        for region in self.memory:
            yield from _level_of(f"reading memory {region.name}", region.read)
            yield from _level_of(f"writing memory {region.name}", region.write)
        if self.flash is not None:
            yield "programming", self.flash.security

    def _memory_complaints(self) -> Iterator[str]:
        yield from twice("memory", (region.name for region in self.memory))
        ordered = sorted(self.memory, key=lambda region: region.start)
        for lower, upper in itertools.pairwise(ordered):
            if upper.start < lower.end:
                yield f"memory {lower.name} and memory {upper.name} overlap"

    def _flash_complaints(self) -> Iterator[str]:
        programmed = [region for region in self.memory if region.flash]
        kinds = {routine.kind for routine in self.routines}
        if self.flash is None:
            if programmed or kinds - {"plain"}:
                yield "flash memory and routines to erase or check it need a flash section"
            return
        if not programmed:
            yield "a flash section needs memory with flash: true"
        if "erase" not in kinds:
            yield "a flash section needs a routine of kind erase"
        yield from self._software_complaints(self.flash, programmed)

    def _software_complaints(
        self, flash: FlashSpec, programmed: list[MemorySpec]
    ) -> Iterator[str]:
        known = {item.id: item for item in self.identifiers}
        fingerprint = known.get(flash.fingerprint) if flash.fingerprint is not None else None
        if flash.fingerprint is not None and (fingerprint is None or fingerprint.write is None):
            yield f"fingerprint {flash.fingerprint:04X} is no identifier that can be written"
        for number in flash.software:
            item = known.get(number.id)
            content = item and (item.hex or (item.text or "").encode("ascii", "replace"))
            if not content:
                yield f"software number {number.id:04X} is no identifier with text or hex"
            elif not any(region.holds(number.address, len(content)) for region in programmed):
                yield f"software number {number.id:04X} is not in flash memory"


def _level_of(what: str, access: Access | None) -> Iterator[tuple[str, int | None]]:
    if access is not None:
        yield what, access.security
