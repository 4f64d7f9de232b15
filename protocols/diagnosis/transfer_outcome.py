"""What came of one request of a job, told apart by what a job does about it."""

from __future__ import annotations

from dataclasses import dataclass

from protocols.diagnosis.transfer_segment import is_positive
from protocols.link.jobs import Step, StepKind
from protocols.link.messages import ExchangeResult
from protocols.uds.names import negative

_NEGATIVE = 0x7F


@dataclass(frozen=True, slots=True)
class Carried:
    """It was carried out; ``answer`` is empty where the positive one was suppressed."""

    answer: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """The control unit refuses: the negative response code, and all of it in words."""

    code: int
    text: str


@dataclass(frozen=True, slots=True)
class Silent:
    """No answer, or none that counts.

    Attributes:
        failure: word of the exchange (:class:`protocols.link.messages.ExchangeResult`).
        text: the same in words.
    """

    failure: str
    text: str


Outcome = Carried | Refused | Silent


def is_running(step: Step, outcome: Outcome) -> bool:
    """Tell whether an answer to a polling step says that what it asks for goes on."""
    if step.kind != StepKind.POLL or isinstance(outcome, Silent):
        return False
    if isinstance(outcome, Refused):
        told = bytes((_NEGATIVE, step.request[0], outcome.code))
    else:
        told = outcome.answer
    return told.startswith(step.running)


def surprise(answer: bytes, expected: bytes) -> str:
    """Return, for people, that an answer is another one than was expected."""
    told = answer.hex(" ").upper() or "silence"
    return f"{told} where {expected.hex(' ').upper()} was expected"


def outcome_of(request: bytes, result: ExchangeResult) -> Outcome:
    """Return what came of ``request``.

    Of several answers, as functional requests have, one that is positive will do.
    """
    if result.failure:
        return Silent(result.failure, result.detail or result.failure.replace("_", " "))
    for response in result.responses:
        if is_positive(request, response.data):
            return Carried(response.data)
    for response in result.responses:
        refused = negative(response.data)
        if refused is not None:
            _service, code, name = refused
            return Refused(code, f"{request[0]:02X} is refused with {code:02X} {name}")
    if result.responses:
        return Silent("no_response", f"{result.responses[0].data[:8].hex(' ')} is no answer")
    return Carried(b"")
