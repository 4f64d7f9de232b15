from __future__ import annotations

from firmware_sim.vehicle.data_spec import MemorySpec
from firmware_sim.vehicle.memory import Memory
from firmware_sim.vehicle.record import Hex

RAM = MemorySpec(
    name="ram", start=0x100, length=0x20, fill=0x00, content={0x104: Hex(b"\x01\x02")}
)
ROM = MemorySpec(name="rom", start=0x120, length=0x20, flash=True)


def test_a_range_lies_in_one_region_or_in_none() -> None:
    memory = Memory([RAM, ROM], "seed")
    assert memory
    assert memory.find(0x100, 0x20) is memory.regions[0]
    assert memory.find(0x120, 1) is memory.regions[1]
    for address, length in ((0x11F, 2), (0xFF, 2), (0x100, 0), (0x13F, 2)):
        assert memory.find(address, length) is None
    assert not Memory([], "seed")


def test_declared_content_and_fill() -> None:
    region = Memory([RAM], "seed").regions[0]
    assert region.read(0x102, 6) == b"\0\0\1\2\0\0"
    region.write(0x103, b"\xff\xfe")
    assert region.read(0x102, 6) == b"\0\xff\xfe\2\0\0"


def test_undeclared_content_follows_from_the_seed() -> None:
    first, again, other = (Memory([ROM], seed).regions[0] for seed in ("a", "a", "b"))
    assert first.read(0x120, 32) == again.read(0x120, 32) != other.read(0x120, 32)
    other.preset(0x120, b"x")
    assert other.read(0x120, 1) != b"x"  # too late: it was read before
    again = Memory([ROM], "a").regions[0]
    again.preset(0x121, b"zz")
    assert again.read(0x120, 4) == first.read(0x120, 1) + b"zz" + first.read(0x123, 1)


def test_erased_flash_is_blank_until_it_is_programmed() -> None:
    region = Memory([ROM], "seed").regions[0]
    assert not region.blank.cover(0x120, 0x121)
    region.erase(0x120, 16)
    assert region.read(0x120, 16) == b"\xff" * 16
    assert region.blank.cover(0x120, 0x130)
    region.write(0x124, b"\0")
    assert not region.blank.cover(0x120, 0x130)
    assert region.blank.cover(0x125, 0x130)
