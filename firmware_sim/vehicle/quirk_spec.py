"""Declarations of misbehaviour: what an awkward ECU does to whom, and how often."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec
from typing_extensions import override

from firmware_sim.vehicle.record import Byte, Chance, Hex, NotNegative, Record

#: What an ECU may do wrong; each is explained in `quirks`.
QuirkKind = Literal[
    "busy",
    "deaf",
    "silent",
    "slow",
    "late",
    "pending",
    "short",
    "long",
    "foreign",
    "repeat",
    "reset",
]

#: Quirks that need a time, and would do nothing without.
_TIMED = frozenset({"slow", "late"})


class QuirkSpec(Record, frozen=True, kw_only=True):
    """One thing an ECU does wrong.

    Attributes:
        kind: what it does.
        ecu: which ECU; all of them where left out.
        request: what a request begins with to be affected.
        sessions: sessions in which it happens; none named: in all.
        chance: how likely it is each time, from the vehicle's seed.
        skip: so many affected requests go well first.
        times: after so many it stops; left out, it never does.
        count: bytes (short, long) or messages (pending, repeat).
        seconds: how much later (slow, late), or how far apart (pending, repeat).
    """

    kind: QuirkKind
    ecu: str | None = None
    request: Hex = Hex()
    sessions: tuple[Byte, ...] = ()
    chance: Chance = 1.0
    skip: Annotated[int, msgspec.Meta(ge=0)] = 0
    times: Annotated[int, msgspec.Meta(ge=1)] | None = None
    count: Annotated[int, msgspec.Meta(ge=1, le=50)] = 1
    seconds: NotNegative = 0.0

    @override
    def complaints(self) -> Iterator[str]:
        if self.kind in _TIMED and not self.seconds:
            yield f"quirk {self.kind} needs seconds"


class QuirksFile(Record, frozen=True, kw_only=True):
    """A file of quirks, for several vehicles perhaps."""

    quirks: tuple[QuirkSpec, ...]
