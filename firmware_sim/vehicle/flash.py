"""How an ECU is programmed: erase, download, check, and what a reset makes of it.

Flash has to be erased before it is programmed. Whatever was erased or programmed since counts as
unchecked until a check routine finds its checksum right; while anything is unchecked a reset does
not start the application: the ECU stays in its boot loader. Otherwise the reset takes the
software's own numbers (F188, F189, ...) out of the programmed memory.
"""

from __future__ import annotations

import hashlib
import hmac
import zlib
from collections.abc import Callable

from firmware_sim.vehicle.data_spec import IdentifierSpec
from firmware_sim.vehicle.function_spec import FlashSpec
from firmware_sim.vehicle.identifiers import Identifiers
from firmware_sim.vehicle.memory import ERASED, Memory, Region
from firmware_sim.vehicle.spans import Spans
from firmware_sim.vehicle.transfer import Transfer

#: Checksums of routines of kind ``check``, big-endian.
CHECKSUMS: dict[str, Callable[[bytes], bytes]] = {
    "crc32": lambda data: zlib.crc32(data).to_bytes(4),
    "sha256": lambda data: hashlib.sha256(data).digest(),
}

#: Bytes of each of them.
CHECKSUM_LENGTHS = {name: len(checksum(b"")) for name, checksum in CHECKSUMS.items()}


class Flash:
    """The programming side of one ECU.

    Attributes:
        transfer: the download or upload that runs, if any.
        boot_only: the application was not started, as its software is incomplete.
    """

    def __init__(self, spec: FlashSpec | None, memory: Memory, identifiers: Identifiers) -> None:
        self.spec = spec
        self.transfer: Transfer | None = None
        self.boot_only = False
        self._memory = memory
        self._identifiers = identifiers
        self._unchecked = Spans()
        self._fingerprint = False
        self._place_software_numbers()

    @property
    def valid(self) -> bool:
        """Whether everything that was erased or programmed has been checked since."""
        return not self._unchecked

    @property
    def may_erase(self) -> bool:
        """Whether the fingerprint was written in this session, where one is wanted."""
        return self.spec is None or self.spec.fingerprint is None or self._fingerprint

    def written(self, identifier: int) -> None:
        """Take note that an identifier was written."""
        if self.spec is not None and identifier == self.spec.fingerprint:
            self._fingerprint = True

    def programmable(self, address: int, length: int) -> Region | None:
        """Return the flash that a range lies in, or ``None``."""
        region = self._memory.find(address, length)
        return region if region is not None and region.spec.flash else None

    def erase(self, region: Region, address: int, length: int) -> None:
        region.erase(address, length)
        self._unchecked.add(address, address + length)

    def check(self, region: Region, address: int, length: int, name: str, expected: bytes) -> bool:
        """Compare a range with its checksum; where it is right the range counts as checked."""
        found = CHECKSUMS[name](region.read(address, length))
        right = hmac.compare_digest(found, expected)
        if right:
            self._unchecked.remove(address, address + length)
        return right

    def give_up(self) -> None:
        """End what a session allowed; what is in the flash stays there."""
        self.transfer = None
        self._fingerprint = False

    def restart(self) -> None:
        """Start the software that is there, or stay in the boot loader."""
        self.give_up()
        self.boot_only = not self.valid
        for address, spec in self._software():
            length = len(self._identifiers.content(spec, 0.0))
            region = self._memory.find(address, length)
            if region is not None:
                erased = bytes([ERASED]) * length
                content = erased if self.boot_only else region.read(address, length)
                self._identifiers.write(spec, content)

    def _place_software_numbers(self) -> None:
        """Put the numbers of the delivered software where programmed software has them."""
        for address, spec in self._software():
            content = self._identifiers.content(spec, 0.0)
            region = self._memory.find(address, len(content))
            if region is not None:
                region.preset(address, content)

    def _software(self) -> list[tuple[int, IdentifierSpec]]:
        numbers = self.spec.software if self.spec is not None else ()
        found = ((number.address, self._identifiers.find(number.id)) for number in numbers)
        return [(address, spec) for address, spec in found if spec is not None]
