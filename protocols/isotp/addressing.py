"""Who speaks to whom on a bus: the addressing modes of ISO 15765-2, clause 10.3.

=============  ==========================================  ==============================
mode           identifier                                  first data byte
normal         any pair of 11- or 29-bit identifiers       -
normal fixed   18DA ta sa, functional 18DB ta sa           -
extended       any pair of 11- or 29-bit identifiers       target address N_TA
mixed          11-bit pair, or 18CE ta sa / 18CD ta sa     address extension N_AE
=============  ==========================================  ==============================

An address is seen from one side: ``tx`` is what this side sends with.
:meth:`IsoTpAddress.mirrored` is the same pair seen from the other side.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

import isotp

from protocols.can.frame import MAX_EXTENDED_ID, MAX_STANDARD_ID, CanFrame
from protocols.errors import LocalProtocolError

#: ISO 15765-4: tester address and functional identifiers of legislated diagnostics (OBD).
OBD_TESTER = 0xF1
OBD_FUNCTIONAL_TARGET = 0x33
OBD_FUNCTIONAL_11 = 0x7DF
OBD_FUNCTIONAL_29 = 0x18DB33F1
OBD_REQUEST_11 = range(0x7E0, 0x7E8)
OBD_RESPONSE_11 = range(0x7E8, 0x7F0)

# ISO 15765-2, 10.3.3 and 10.3.5: identifiers with the default priority 6.
_FIXED_PHYSICAL = 0x18DA0000
_FIXED_FUNCTIONAL = 0x18DB0000
_MIXED_PHYSICAL = 0x18CE0000
_MIXED_FUNCTIONAL = 0x18CD0000

Mode = isotp.AddressingMode
_WIDE = frozenset(
    {Mode.Normal_29bits, Mode.NormalFixed_29bits, Mode.Extended_29bits, Mode.Mixed_29bits}
)
_PREFIXED = frozenset(
    {Mode.Extended_11bits, Mode.Extended_29bits, Mode.Mixed_11bits, Mode.Mixed_29bits}
)


class Target(Enum):
    """Whom a frame was meant for."""

    PHYSICAL = auto()
    FUNCTIONAL = auto()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One way of addressing: an identifier and, in some modes, the first data byte."""

    id: int
    prefix: int | None = None


@dataclass(frozen=True, slots=True)
class IsoTpAddress:
    """A pair of tester and ECU on one bus, seen from one of them.

    Build it with one of the named constructors.

    Attributes:
        mode: which layout identifiers and first byte have.
        tx: what this side sends with.
        rx: what the other side sends with.
        functional_tx: what this side sends to everybody with, where it does that.
        functional_rx: what reaches this side along with everybody else.
    """

    mode: Mode
    tx: Endpoint
    rx: Endpoint
    functional_tx: Endpoint | None = None
    functional_rx: Endpoint | None = None

    def __post_init__(self) -> None:
        """Raise LocalProtocolError for identifiers or bytes out of range, or one id both ways."""
        limit = MAX_EXTENDED_ID if self.extended else MAX_STANDARD_ID
        for end in filter(None, (self.tx, self.rx, self.functional_tx, self.functional_rx)):
            if not 0 <= end.id <= limit:
                raise LocalProtocolError(f"identifier {end.id:#x} is out of range for {self.mode}")
            if (end.prefix is None) == self.prefixed or not 0 <= (end.prefix or 0) <= 0xFF:
                raise LocalProtocolError(f"{self.mode} has no first byte {end.prefix}")
        if self.tx.id == self.rx.id:
            raise LocalProtocolError(f"both directions use {self.tx.id:#x}")

    @property
    def extended(self) -> bool:
        """Tell whether the frames have 29-bit identifiers."""
        return self.mode in _WIDE

    @property
    def prefixed(self) -> bool:
        """Tell whether the first data byte is part of the address."""
        return self.mode in _PREFIXED

    @property
    def rx_keys(self) -> tuple[tuple[int, bool], ...]:
        """``(identifier, extended)`` of every frame that may concern this side, to route by.

        Where the mode has a first byte, several addresses may share a key; :meth:`target_of` tells
        them apart.
        """
        ends = [self.rx] if self.functional_rx is None else [self.rx, self.functional_rx]
        return tuple(dict.fromkeys((end.id, self.extended) for end in ends))

    def target_of(self, frame: CanFrame) -> Target | None:
        """Tell how a frame addresses this side, or ``None`` where it is for somebody else."""
        if frame.extended != self.extended or frame.error or not frame.data:
            return None
        if _fits(frame, self.rx):
            return Target.PHYSICAL
        if self.functional_rx is not None and _fits(frame, self.functional_rx):
            return Target.FUNCTIONAL
        return None

    def mirrored(self) -> IsoTpAddress:
        """Return the same pair as the other side sees it."""
        return IsoTpAddress(self.mode, self.rx, self.tx, self.functional_rx, self.functional_tx)

    def to_isotp(self) -> isotp.Address:
        """Return the physical pair as can-isotp's address."""
        if self.mode in {Mode.NormalFixed_29bits, Mode.Mixed_29bits}:
            return isotp.Address(
                self.mode,
                target_address=self.tx.id >> 8 & 0xFF,
                source_address=self.tx.id & 0xFF,
                physical_id=self.tx.id,
                address_extension=self.tx.prefix,
            )
        mixed = self.mode is Mode.Mixed_11bits
        return isotp.Address(
            self.mode,
            txid=self.tx.id,
            rxid=self.rx.id,
            target_address=None if mixed else self.tx.prefix,
            source_address=None if mixed else self.rx.prefix,
            address_extension=self.tx.prefix if mixed else None,
        )

    # ------------------------------------------------------------ constructors, tester's view

    @classmethod
    def normal_11(cls, tx_id: int, rx_id: int, functional_id: int | None = None) -> IsoTpAddress:
        """11-bit identifiers, no address bytes: what most vehicles use."""
        return cls(Mode.Normal_11bits, Endpoint(tx_id), Endpoint(rx_id), _end(functional_id))

    @classmethod
    def normal_29(cls, tx_id: int, rx_id: int, functional_id: int | None = None) -> IsoTpAddress:
        """29-bit identifiers chosen freely."""
        return cls(Mode.Normal_29bits, Endpoint(tx_id), Endpoint(rx_id), _end(functional_id))

    @classmethod
    def normal_fixed(
        cls, target: int, source: int = OBD_TESTER, functional_target: int = OBD_FUNCTIONAL_TARGET
    ) -> IsoTpAddress:
        """29-bit identifiers that hold target and source address (ISO 15765-2, 10.3.3)."""
        return cls(
            Mode.NormalFixed_29bits,
            Endpoint(_fixed(_FIXED_PHYSICAL, target, source)),
            Endpoint(_fixed(_FIXED_PHYSICAL, source, target)),
            Endpoint(_fixed(_FIXED_FUNCTIONAL, functional_target, source)),
        )

    @classmethod
    def extended_11(
        cls, tx_id: int, rx_id: int, target: int, source: int, functional: Endpoint | None = None
    ) -> IsoTpAddress:
        """11-bit identifiers; the first byte is the address of whom the frame is for."""
        ends = Endpoint(tx_id, target), Endpoint(rx_id, source)
        return cls(Mode.Extended_11bits, *ends, functional)

    @classmethod
    def extended_29(
        cls, tx_id: int, rx_id: int, target: int, source: int, functional: Endpoint | None = None
    ) -> IsoTpAddress:
        """29-bit identifiers; the first byte is the address of whom the frame is for."""
        ends = Endpoint(tx_id, target), Endpoint(rx_id, source)
        return cls(Mode.Extended_29bits, *ends, functional)

    @classmethod
    def mixed_11(
        cls, tx_id: int, rx_id: int, extension: int, functional_id: int | None = None
    ) -> IsoTpAddress:
        """11-bit identifiers; the first byte is the network behind the gateway ECU (N_AE)."""
        ends = Endpoint(tx_id, extension), Endpoint(rx_id, extension)
        return cls(Mode.Mixed_11bits, *ends, _end(functional_id, extension))

    @classmethod
    def mixed_29(
        cls,
        target: int,
        source: int,
        extension: int,
        functional_target: int = OBD_FUNCTIONAL_TARGET,
    ) -> IsoTpAddress:
        """29-bit identifiers with target and source address; the first byte is N_AE."""
        return cls(
            Mode.Mixed_29bits,
            Endpoint(_fixed(_MIXED_PHYSICAL, target, source), extension),
            Endpoint(_fixed(_MIXED_PHYSICAL, source, target), extension),
            Endpoint(_fixed(_MIXED_FUNCTIONAL, functional_target, source), extension),
        )

    @classmethod
    def obd_11(cls, ecu: int) -> IsoTpAddress:
        """Legislated diagnostics, ECU 0 to 7: 7E0 to 7E7, answers 7E8 to 7EF, functional 7DF."""
        if not 0 <= ecu < len(OBD_REQUEST_11):
            raise LocalProtocolError(f"OBD knows the ECUs 0 to 7 on 11 bits, not {ecu}")
        return cls.normal_11(OBD_REQUEST_11[ecu], OBD_RESPONSE_11[ecu], OBD_FUNCTIONAL_11)

    @classmethod
    def obd_29(cls, ecu: int) -> IsoTpAddress:
        """Legislated diagnostics, ECU address 0 to 255: 18DA xx F1, functional 18DB33F1."""
        return cls.normal_fixed(ecu)


def _end(identifier: int | None, prefix: int | None = None) -> Endpoint | None:
    return None if identifier is None else Endpoint(identifier, prefix)


def _fixed(layout: int, target: int, source: int) -> int:
    """Return an identifier that holds both addresses in its lower 16 bits."""
    if not 0 <= target <= 0xFF or not 0 <= source <= 0xFF:
        raise LocalProtocolError(f"addresses {target:#x}, {source:#x} are no bytes")
    return layout | target << 8 | source


def _fits(frame: CanFrame, end: Endpoint) -> bool:
    return frame.id == end.id and (end.prefix is None or frame.data[0] == end.prefix)
