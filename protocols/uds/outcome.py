"""What a tester's exchange tells its driver, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FailureReason(StrEnum):
    """Why an exchange has no, or not every, answer."""

    NO_RESPONSE = "no_response"
    PENDING_TOO_LONG = "pending_too_long"
    BUSY_TOO_LONG = "busy_too_long"
    TRANSPORT = "transport"
    UNEXPECTED = "unexpected"


@dataclass(frozen=True, slots=True)
class ExchangeFailure:
    """The reason, and a sentence that says what happened."""

    reason: FailureReason
    detail: str


@dataclass(frozen=True, slots=True)
class UdsResponse:
    """The final answer of one ECU, positive or negative.

    Attributes:
        source: who answered: CAN identifier or logical address.
        payload: the answer.
        pending: how often it asked for more time before.
        sent_at: when the request (the last, if it was repeated) was sent; seconds.
        received_at: when the answer was complete; seconds.
    """

    source: int
    payload: bytes
    pending: int
    sent_at: float
    received_at: float


@dataclass(frozen=True, slots=True)
class ResponsePending:
    """An ECU asked for more time, for the ``count``-th time."""

    source: int
    count: int


@dataclass(frozen=True, slots=True)
class Finished:
    """The exchange is over.

    Attributes:
        responses: final answers in the order they came; none where silence was asked for and kept.
        failure: ``None`` where everything went by the standard; a negative answer is no failure.
        ignored: answers that did not belong to this request.
    """

    responses: tuple[UdsResponse, ...]
    failure: ExchangeFailure | None
    ignored: int = 0


ExchangeEvent = ResponsePending | Finished
