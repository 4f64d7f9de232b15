"""An ECU's address space: ranges of memory, made when they are first touched."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping

from firmware_sim.vehicle.data_spec import MemorySpec
from firmware_sim.vehicle.spans import Spans

#: What an erased byte of flash reads as.
ERASED = 0xFF


class Region:
    """One range of memory; survives resets.

    Attributes:
        spec: what was declared of it.
        blank: addresses that are erased and not programmed since; of flash alone.
    """

    def __init__(self, spec: MemorySpec, seed: str) -> None:
        self.spec = spec
        self.blank = Spans()
        self._seed = f"{seed}/{spec.name}"
        self._content: bytearray | None = None
        self._preset: dict[int, bytes] = {}

    def preset(self, address: int, data: bytes) -> None:
        """Let it hold other bytes at an address from the beginning; before anything is read."""
        self._preset[address] = data

    def read(self, address: int, length: int) -> bytes:
        """Return bytes; the range has to lie within the region."""
        start = address - self.spec.start
        return bytes(self._bytes()[start : start + length])

    def write(self, address: int, data: bytes) -> None:
        """Replace bytes; in flash they are not blank any more."""
        start = address - self.spec.start
        self._bytes()[start : start + len(data)] = data
        self.blank.remove(address, address + len(data))

    def erase(self, address: int, length: int) -> None:
        self.write(address, bytes([ERASED]) * length)
        self.blank.add(address, address + length)

    def _bytes(self) -> bytearray:
        """Return the content, made when it is first needed: megabytes take their time."""
        if self._content is None:
            self._content = _first_content(self.spec, self._seed, self._preset)
        return self._content


def _first_content(spec: MemorySpec, seed: str, preset: Mapping[int, bytes]) -> bytearray:
    if spec.fill is None:
        content = bytearray(random.Random(seed).randbytes(spec.length))
    else:
        content = bytearray([spec.fill]) * spec.length
    for address, data in [*spec.content.items(), *preset.items()]:
        start = address - spec.start
        content[start : start + len(data)] = data
    return content


class Memory:
    """All ranges of one ECU."""

    def __init__(self, specs: Iterable[MemorySpec], seed: str) -> None:
        self.regions = tuple(Region(spec, f"{seed}/memory") for spec in specs)

    def __bool__(self) -> bool:
        return bool(self.regions)

    def find(self, address: int, length: int) -> Region | None:
        """Return the region that a range lies in; one that touches two lies in none."""
        for region in self.regions:
            if length > 0 and region.spec.holds(address, length):
                return region
        return None
