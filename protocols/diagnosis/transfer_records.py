"""What a transfer job gives out: requests, how it stands, what must outlive a loss of power."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from protocols.diagnosis.transfer_debts import Debt
from protocols.diagnosis.transfer_program import Operation
from protocols.diagnosis.transfer_state import JobState
from protocols.link.jobs import Step
from protocols.link.vehicle import Target


class Journal(msgspec.Struct, frozen=True, array_like=True):
    """What must outlive a loss of power.

    Attributes:
        state: a ``JobState``.
        begun: something has been sent to the control unit.
        segment: the segment it was in; -1 before the first.
        restarts: times it has recovered.
        outcome: where a job that restores the vehicle will end.
        failure: why, as a word.
        detail: why, for people.
        debts: what is open in the vehicle.
        safe: at the end.
    """

    state: str
    begun: bool = False
    segment: int = -1
    restarts: int = 0
    outcome: str = ""
    failure: str = ""
    detail: str = ""
    debts: tuple[Debt, ...] = ()
    safe: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """Where in its procedure a job is; as members of :class:`protocols.link.jobs.JobReport`."""

    step: str
    segment: int
    segments: int
    block: int
    blocks: int
    transferred: int
    total: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How a job stands.

    Attributes:
        state: as the table has it.
        place: where in its procedure it is.
        restarts: times it has recovered.
        level: security level whose key is waited for; 0 for none.
        seed: what the key is to be made from.
        failure: why it failed, as a word.
        detail: for people.
        safe: at its end: nothing that it had opened in the vehicle is open still.
    """

    state: JobState
    place: Place
    restarts: int
    level: int
    seed: bytes
    failure: str
    detail: str
    safe: bool


@dataclass(frozen=True, slots=True)
class Ask:
    """A request to run now.

    Attributes:
        target: whom to ask.
        request: UDS bytes.
        functional: the target is everybody.
        operation: what it belongs to; ``None`` while the vehicle is restored.
        step: the declared step, if it is one.
    """

    target: Target
    request: bytes
    functional: bool = False
    operation: Operation | None = None
    step: Step | None = None
