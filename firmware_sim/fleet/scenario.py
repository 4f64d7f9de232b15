"""Which faults befall a connector, declared as data.

    name: underground
    faults:
      - {kind: cut, weight: 3, after: [5, 40], at_byte: [0, 2000]}
      - {kind: half-open, after: [20, 60]}

Every member but ``kind`` may be left out; ranges are drawn from evenly.

    cut          the connection breaks, after a number of bytes either way
    delay        every read and every write takes longer, one piece after the other
    half-open    nothing passes any more, and nobody is told: the socket stays open
    corrupt      single bits flip on the way in; below TLS where there is TLS. Without it a flipped
                 bit may arrive as a wrong value, as on any plain TCP connection
    slow-reader  the connector does not read
    reboot       the connector loses its power and its memory
"""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import msgspec
import yaml
from msgspec import Meta

from firmware_sim.assembly import SettingsError

#: Largest scenario file accepted, bytes.
MAX_FILE = 1 << 16

Amount = Annotated[float, Meta(ge=0, le=86_400)]
Bytes = Annotated[int, Meta(ge=0, le=1 << 30)]


class FaultKind(Enum):
    """What can go wrong."""

    CUT = "cut"
    DELAY = "delay"
    HALF_OPEN = "half-open"
    CORRUPT = "corrupt"
    SLOW_READER = "slow-reader"
    REBOOT = "reboot"


class FaultSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One kind of fault and the ranges it is drawn from.

    Attributes:
        kind: what happens.
        weight: how often, compared with the scenario's other faults.
        after: seconds from the moment the link is up, or the last fault is over.
        lasts: seconds until it is over; for a reboot, until the device dials again. A cut and a
            half-open connection end with the connection.
        at_byte: bytes either way that still pass before a cut.
        delay: seconds that each read and each write takes longer.
        flips: bits that flip, one in each piece that is read.
    """

    kind: FaultKind
    weight: Annotated[float, Meta(gt=0)] = 1.0
    after: tuple[Amount, Amount] = (5.0, 40.0)
    lasts: tuple[Amount, Amount] = (2.0, 20.0)
    at_byte: tuple[Bytes, Bytes] = (0, 120)
    delay: tuple[Amount, Amount] = (0.05, 0.8)
    flips: tuple[Bytes, Bytes] = (1, 3)

    def __post_init__(self) -> None:
        """Raise ValueError where a range runs backwards."""
        for name in ("after", "lasts", "at_byte", "delay", "flips"):
            low, high = getattr(self, name)
            if low > high:
                raise ValueError(f"{name} of {self.kind.value} runs from {low} down to {high}")


class Scenario(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What befalls each connector, over and over."""

    name: Annotated[str, Meta(min_length=1, max_length=40)]
    faults: Annotated[tuple[FaultSpec, ...], Meta(min_length=1)]


_HARMLESS = tuple(FaultSpec(kind) for kind in FaultKind if kind is not FaultKind.CORRUPT)

#: By name: each kind alone; ``mixed``, which takes no value's word; ``hostile``, which does.
SCENARIOS: dict[str, Scenario] = {
    **{kind.value: Scenario(kind.value, (FaultSpec(kind),)) for kind in FaultKind},
    "mixed": Scenario("mixed", _HARMLESS),
    "hostile": Scenario("hostile", (*_HARMLESS, FaultSpec(FaultKind.CORRUPT))),
}


def load_scenario(name_or_path: str) -> Scenario:
    """Return a scenario by its name, or from a YAML file.

    Raises:
        SettingsError: there is none, or its file is broken; says where.
    """
    if name_or_path in SCENARIOS:
        return SCENARIOS[name_or_path]
    path = Path(name_or_path)
    if path.suffix not in {".yaml", ".yml"}:
        known = ", ".join(SCENARIOS)
        raise SettingsError(f"no scenario {name_or_path!r}; choose {known} or a .yaml file")
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE + 1)
    except OSError as error:
        raise SettingsError(f"{path}: {error}") from None
    return parse_scenario(data, str(path))


def parse_scenario(data: bytes, source: str) -> Scenario:
    """Read a scenario from the bytes of a YAML file.

    Raises:
        SettingsError: it is broken; ``source`` names the file in the message.
    """
    if len(data) > MAX_FILE:
        raise SettingsError(f"{source}: larger than {MAX_FILE} bytes")
    try:
        return msgspec.convert(yaml.safe_load(data), Scenario)
    except (yaml.YAMLError, UnicodeDecodeError, msgspec.ValidationError, RecursionError) as error:
        raise SettingsError(f"{source}: {' '.join(str(error).split())}") from None
