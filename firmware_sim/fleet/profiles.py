"""How much a connector does."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Profile:
    """What a fleet's connectors do by themselves; all of them answer exchanges.

    Attributes:
        status_every: seconds between two changes of voltage or ignition, on average; ``None``
            reports once.
        frames_per_second: on the bus of a connector that is watched.
        scenario: what befalls them if nothing else is said; ``None`` is nothing.
    """

    status_every: float | None = None
    frames_per_second: float = 0.0
    scenario: str | None = None


PROFILES: dict[str, Profile] = {
    "idle": Profile(),
    "busy": Profile(status_every=30.0, frames_per_second=1_000.0),
    "flaky": Profile(status_every=30.0, frames_per_second=200.0, scenario="mixed"),
}
