"""Outcomes of exchanges in the words of the link."""

from __future__ import annotations

from protocols.link.messages import ExchangeResponse, ExchangeResult
from protocols.uds.outcome import FailureReason, Finished


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
    if outcome.failure is None:
        return ExchangeResult(number, responses)
    # Answers to something else are, to whoever asked, no answer to this; the detail tells more.
    unexpected = outcome.failure.reason is FailureReason.UNEXPECTED
    reason = FailureReason.NO_RESPONSE if unexpected else outcome.failure.reason
    return ExchangeResult(number, responses, reason.value, outcome.failure.detail)
