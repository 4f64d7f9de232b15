from __future__ import annotations

import zlib

from firmware_sim.vehicle.control_unit import ControlUnit
from firmware_sim.vehicle.loader import load_vehicle
from firmware_sim.vehicle.memory import Region

GOLF = load_vehicle("golf")
NUMBERS = 0x00080100
NEW = b"04E906027XX\xff\xff\xff\xff\xff9999"


def engine() -> ControlUnit:
    return ControlUnit(GOLF.ecus[0], GOLF.vin, "seed")


def region_of(unit: ControlUnit) -> Region:
    region = unit.flash.programmable(NUMBERS, len(NEW))
    assert region is not None
    return region


def number(unit: ControlUnit) -> bytes:
    spec = unit.identifiers.find(0xF189)
    assert spec is not None
    return unit.identifiers.content(spec, 0.0)


def test_delivered_software_carries_its_numbers() -> None:
    unit = engine()
    assert [unit.flash.valid] == [True]
    assert region_of(unit).read(NUMBERS + 0x10, 4) == number(unit) == b"5632"
    unit.reset(0.0)
    assert number(unit) == b"5632"
    assert [unit.flash.boot_only] == [False]


def test_only_flash_is_programmable() -> None:
    unit = engine()
    assert unit.flash.programmable(0x40000000, 4) is None
    assert unit.flash.programmable(0x00080000, 4) is not None


def test_a_reset_starts_new_software_only_once_it_was_checked() -> None:
    unit = engine()
    region = region_of(unit)
    unit.flash.erase(region, NUMBERS, len(NEW))
    region.write(NUMBERS, NEW)
    unit.reset(0.0)
    assert [unit.flash.boot_only] == [True]
    assert number(unit) == b"\xff\xff\xff\xff"
    assert not unit.flash.check(region, NUMBERS, len(NEW), "crc32", b"\0\0\0\0")
    assert [unit.flash.valid] == [False]
    right = zlib.crc32(NEW).to_bytes(4)
    assert unit.flash.check(region, NUMBERS, len(NEW), "crc32", right)
    unit.reset(1.0)
    assert [unit.flash.boot_only] == [False]
    assert number(unit) == b"9999"


def test_a_check_of_one_part_leaves_the_other_unchecked() -> None:
    unit = engine()
    region = region_of(unit)
    unit.flash.erase(region, NUMBERS, 8)
    checksum = zlib.crc32(b"\xff" * 4).to_bytes(4)
    assert unit.flash.check(region, NUMBERS, 4, "crc32", checksum)
    assert [unit.flash.valid] == [False]
    assert unit.flash.check(region, NUMBERS + 4, 4, "crc32", checksum)
    assert [unit.flash.valid] == [True]


def test_the_fingerprint_counts_for_its_session() -> None:
    unit = engine()
    assert [unit.flash.may_erase] == [False]
    unit.flash.written(0xF190)
    assert [unit.flash.may_erase] == [False]
    unit.flash.written(0xF15A)
    assert [unit.flash.may_erase] == [True]
    unit.change_session(2, 0.0)
    assert [unit.flash.may_erase] == [False]
