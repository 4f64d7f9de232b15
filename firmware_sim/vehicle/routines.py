"""An ECU's routines: which run, since when, and how they ended."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from firmware_sim.vehicle.ecu_spec import EcuSpec
from firmware_sim.vehicle.function_spec import RoutineSpec


class RoutineStatus(IntEnum):
    """First byte of the answers about a routine; makers choose their own, these are ours."""

    RUNNING = 1
    DONE = 2
    STOPPED = 3


@dataclass(frozen=True, slots=True)
class _Run:
    ends_at: float
    result: bytes
    stopped: bool = False


class Routines:
    """Owns the routines of one ECU; they end when the ECU goes back to its default session."""

    def __init__(self, spec: EcuSpec) -> None:
        self._specs = {routine.id: routine for routine in spec.routines}
        self._runs: dict[int, _Run] = {}

    def __bool__(self) -> bool:
        return bool(self._specs)

    def find(self, number: int) -> RoutineSpec | None:
        return self._specs.get(number)

    def start(
        self,
        routine: RoutineSpec,
        now: float,
        *,
        work: float | None = None,
        result: bytes | None = None,
    ) -> None:
        """Start a routine; work and result are those declared where left out."""
        ends_at = now + (routine.work if work is None else work) + routine.duration
        self._runs[routine.id] = _Run(ends_at, routine.result if result is None else result)

    def stop(self, routine: RoutineSpec, now: float) -> None:
        self._runs[routine.id] = _Run(now, b"", stopped=True)

    def result(self, routine: RoutineSpec) -> bytes:
        """Return what its last run found; nothing where it was not started or was stopped."""
        run = self._runs.get(routine.id)
        return bytes(run.result) if run is not None else b""

    def status(self, routine: RoutineSpec, now: float) -> RoutineStatus | None:
        """Return how its last run stands, or ``None`` if it was not started."""
        run = self._runs.get(routine.id)
        if run is None:
            return None
        if run.stopped:
            return RoutineStatus.STOPPED
        return RoutineStatus.DONE if now >= run.ends_at else RoutineStatus.RUNNING

    def forget(self) -> None:
        """End all of them and forget their results."""
        self._runs.clear()
