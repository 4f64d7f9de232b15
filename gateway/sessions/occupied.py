"""Control units that a transfer job works on: nobody else asks them anything meanwhile."""

from __future__ import annotations

from uuid import UUID

from gateway.domain.errors import Conflict
from protocols.diagnosis.transfer_conflict import concerns
from protocols.link.vehicle import Target


class Occupied:
    """Which job works where."""

    def __init__(self) -> None:
        self._jobs: dict[UUID, dict[str, Target]] = {}

    def take(self, connector: UUID, job: str, unit: Target) -> None:
        """A job begins to work on a control unit."""
        self._jobs.setdefault(connector, {})[job] = unit

    def release(self, connector: UUID, job: str) -> None:
        """It is over."""
        jobs = self._jobs.get(connector)
        if jobs is not None and jobs.pop(job, None) is not None and not jobs:
            del self._jobs[connector]

    def works_on(self, connector: UUID) -> bool:
        """Tell whether any job works at this connector."""
        return connector in self._jobs

    def require_free(self, connector: UUID, target: Target) -> None:
        """Check that a request reaches no control unit that a job works on.

        Raises:
            Conflict: it does.
        """
        if not self._jobs:  # as a rule: nobody flashes anything
            return
        for job, unit in self._jobs.get(connector, {}).items():
            if concerns(target, unit):
                raise Conflict(
                    "job.occupied",
                    f"Job {job} works on this control unit. Wait for its end, or abort it with "
                    f"POST .../jobs/{job}/abort.",
                    field="ecu",
                )
