from __future__ import annotations

from firmware_sim.vehicle.definitions import (
    MAX_DEFINITIONS,
    MAX_PARTS,
    Definitions,
    IdentifierPart,
    MemoryPart,
)

PART = IdentifierPart(0xF190, 1, 3)


def test_definitions_grow_and_are_forgotten() -> None:
    definitions = Definitions()
    assert definitions.find(0xF300) is None
    assert definitions.extend(0xF300, (PART,))
    assert definitions.extend(0xF300, (MemoryPart(0, 4),))
    assert definitions.find(0xF300) == (PART, MemoryPart(0, 4))
    definitions.clear(0xF300)
    assert definitions.find(0xF300) is None
    definitions.extend(0xF301, (PART,))
    definitions.clear()
    assert definitions.find(0xF301) is None


def test_there_are_bounds() -> None:
    definitions = Definitions()
    assert not definitions.extend(0xF300, (PART,) * (MAX_PARTS + 1))
    assert definitions.extend(0xF300, (PART,) * MAX_PARTS)
    assert not definitions.extend(0xF300, (PART,))
    results = [definitions.extend(0xF301 + n, (PART,)) for n in range(MAX_DEFINITIONS)]
    assert results == [True] * (MAX_DEFINITIONS - 1) + [False]
