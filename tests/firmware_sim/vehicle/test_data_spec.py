from __future__ import annotations

import pytest

from firmware_sim.vehicle.data_spec import (
    CodingRule,
    IdentifierSpec,
    MemorySpec,
    NumberSpec,
    SignalSpec,
)
from firmware_sim.vehicle.record import Access, Hex

WRITABLE = Access()
RULE = CodingRule(name="side", byte=1, mask=0x0C, allowed=(0x04, 0x08))


def test_a_number_lies_within_its_bounds_and_its_bytes() -> None:
    assert NumberSpec(value=3).highest == 255
    assert NumberSpec(value=3, low=3, high=5).accepts(b"\x05")
    assert not NumberSpec(value=3, low=3, high=5).accepts(b"\x02")
    with pytest.raises(ValueError, match="not within 4 to 9"):
        NumberSpec(value=3, low=4, high=9)
    with pytest.raises(ValueError, match="300 does not fit into 1 bytes"):
        NumberSpec(value=3, high=300)


def test_a_coding_rule_is_about_some_bits() -> None:
    assert RULE.accepts(b"\xff\xf7")
    assert not RULE.accepts(b"\x00\x0c")
    with pytest.raises(ValueError, match="outside mask 0C: 10"):
        CodingRule(name="x", byte=0, mask=0x0C, allowed=(0x10,))


def test_coding_rules_fit_their_content() -> None:
    def coded(content: bytes, write: Access | None = WRITABLE) -> IdentifierSpec:
        return IdentifierSpec(id=1, name="x", hex=Hex(content), write=write, coding=(RULE,))

    assert coded(b"\x00\x04").coding == (RULE,)
    with pytest.raises(ValueError, match="is about byte 1 of 1"):
        coded(b"\x00")
    with pytest.raises(ValueError, match="itself breaks coding rule 'side'"):
        coded(b"\x00\x00")
    with pytest.raises(ValueError, match="can be written"):
        coded(b"\x00\x04", None)


def test_texts_are_not_controlled() -> None:
    with pytest.raises(ValueError, match="only hex, number and live"):
        IdentifierSpec(id=1, name="x", text="x", control=Access())
    live = IdentifierSpec(id=1, name="x", live=SignalSpec(base=1), control=Access())
    assert live.control == Access()


def test_memory_keeps_within_its_range() -> None:
    region = MemorySpec(name="x", start=0x10, length=0x10)
    assert region.end == 0x20
    assert region.holds(0x10, 0x10)
    assert not region.holds(0x0F, 2)
    with pytest.raises(ValueError, match="beyond 32-bit"):
        MemorySpec(name="x", start=0xFFFF_FFFF, length=2)
    with pytest.raises(ValueError, match="content at 0000001F is outside"):
        MemorySpec(name="x", start=0x10, length=0x10, content={0x1F: Hex(b"12")})
    with pytest.raises(ValueError, match="programmed, not written"):
        MemorySpec(name="x", start=0, length=1, flash=True, write=Access())
