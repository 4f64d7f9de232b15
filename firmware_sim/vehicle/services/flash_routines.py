"""Routines that erase flash, check it, and check that all of it was checked (service 31).

Option records: ``erase`` takes a memory range (format byte, address, length), ``check`` a memory
range and its checksum, ``dependencies`` nothing. Each answers one byte: 00 right, 01 wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

from udsoncan.ResponseCode import ResponseCode

from firmware_sim.vehicle.control_unit import ControlUnit
from firmware_sim.vehicle.dialogue import Refusal, Request
from firmware_sim.vehicle.flash import CHECKSUM_LENGTHS
from firmware_sim.vehicle.function_spec import RoutineSpec
from firmware_sim.vehicle.memory import Region
from firmware_sim.vehicle.services.addressing import MemoryRange, memory_range

RIGHT, WRONG = b"\x00", b"\x01"

#: Where the option record of service 31 begins.
_OPTIONS = 4


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a routine ended: its result, and the seconds it took beyond its declared work."""

    result: bytes
    seconds: float = 0.0


def erase(ecu: ControlUnit, routine: RoutineSpec, request: Request) -> Outcome:
    """Erase a range of flash."""
    wanted = memory_range(request, _OPTIONS)
    request.expect_length(wanted.ends_at)
    region = _flash_of(ecu, wanted)
    if not ecu.flash.may_erase or ecu.flash.transfer is not None:
        raise Refusal(ResponseCode.ConditionsNotCorrect)
    ecu.flash.erase(region, wanted.address, wanted.length)
    return Outcome(RIGHT, _seconds(routine, wanted))


def check(ecu: ControlUnit, routine: RoutineSpec, request: Request) -> Outcome:
    """Compare a range of flash with its checksum."""
    wanted = memory_range(request, _OPTIONS)
    request.expect_length(wanted.ends_at + CHECKSUM_LENGTHS[routine.checksum])
    region = _flash_of(ecu, wanted)
    if ecu.flash.transfer is not None:
        raise Refusal(ResponseCode.ConditionsNotCorrect)
    expected = request.payload[wanted.ends_at :]
    right = ecu.flash.check(region, wanted.address, wanted.length, routine.checksum, expected)
    return Outcome(RIGHT if right else WRONG, _seconds(routine, wanted))


def dependencies(ecu: ControlUnit, _routine: RoutineSpec, request: Request) -> Outcome:
    """Tell whether everything that was programmed has been checked."""
    request.expect_length(_OPTIONS)
    return Outcome(RIGHT if ecu.flash.valid else WRONG)


def _flash_of(ecu: ControlUnit, wanted: MemoryRange) -> Region:
    region = ecu.flash.programmable(wanted.address, wanted.length)
    if region is None:
        raise Refusal(ResponseCode.RequestOutOfRange)
    return region


def _seconds(routine: RoutineSpec, wanted: MemoryRange) -> float:
    return routine.work_per_kib * wanted.length / 1024
