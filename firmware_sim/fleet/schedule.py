"""When each connector gets which fault: a function of seed, scenario and its place in the fleet.

Nothing is remembered between faults, so the same seed and scenario give the same schedule however
the connectors' fates interleave.
"""

from __future__ import annotations

import hashlib
from random import Random

import msgspec

from firmware_sim.fleet.scenario import FaultKind, FaultSpec, Scenario

#: Connectors and faults that a schedule's fingerprint covers; more would tell no more.
_CONNECTORS, _FAULTS = 64, 4


class Fault(msgspec.Struct, frozen=True):
    """One fault with its numbers; units as in `FaultSpec`."""

    kind: FaultKind
    after: float
    lasts: float
    at_byte: int
    delay: float
    flips: int
    salt: int


class Schedule:
    """The faults of a fleet."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self.scenario = scenario
        self.seed = seed

    def fault(self, connector: int, number: int) -> Fault:
        """Return a connector's fault of this number, both counted from zero."""
        random = Random(f"{self.seed}/{self.scenario.name}/{connector}/{number}")
        faults = self.scenario.faults
        [spec] = random.choices(faults, [known.weight for known in faults])
        return _drawn(spec, random)

    def fingerprint(self) -> str:
        """Return eight letters that two runs share if they have the same schedule."""
        faults = [
            self.fault(connector, number)
            for connector in range(_CONNECTORS)
            for number in range(_FAULTS)
        ]
        return hashlib.sha256(msgspec.json.encode(faults)).hexdigest()[:8]


def _drawn(spec: FaultSpec, random: Random) -> Fault:
    return Fault(
        kind=spec.kind,
        after=round(random.uniform(*spec.after), 3),
        lasts=round(random.uniform(*spec.lasts), 3),
        at_byte=random.randint(*spec.at_byte),
        delay=round(random.uniform(*spec.delay), 3),
        flips=random.randint(*spec.flips),
        salt=random.getrandbits(32),
    )
