"""Outcomes of exchanges in the words of the link."""

from __future__ import annotations

from protocols.link.messages import MAX_ENVELOPE, ExchangeResponse, ExchangeResult
from protocols.uds.outcome import FailureReason, Finished

#: Bytes of all answers of one request: they travel in one message of the link.
MAX_ANSWERS = MAX_ENVELOPE - 65_536


def to_result(number: int, outcome: Finished, *, clock_offset_us: int = 0) -> ExchangeResult:
    """Return what the exchange ``number`` came to.

    Args:
        number: of the request.
        outcome: how it ended; its times are seconds of the clock that the exchange ran by.
        clock_offset_us: what to add for the connector's clock, microseconds.
    """
    responses = tuple(
        ExchangeResponse(
            it.source,
            it.payload,
            it.pending,
            round(it.sent_at * 1e6) + clock_offset_us,
            round(it.received_at * 1e6) + clock_offset_us,
        )
        for it in outcome.responses
    )
    if sum(len(response.data) for response in responses) > MAX_ANSWERS:
        detail = f"the answers have more than {MAX_ANSWERS} bytes together: ask for less"
        return ExchangeResult(number, (), FailureReason.TRANSPORT.value, detail)
    if outcome.failure is None:
        return ExchangeResult(number, responses)
    # Answers to something else are, to whoever asked, no answer to this; the detail tells more.
    unexpected = outcome.failure.reason is FailureReason.UNEXPECTED
    reason = FailureReason.NO_RESPONSE if unexpected else outcome.failure.reason
    return ExchangeResult(number, responses, reason.value, outcome.failure.detail)
