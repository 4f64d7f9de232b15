from __future__ import annotations

import pytest

from protocols.diagnosis.results import MAX_ANSWERS, to_result
from protocols.link.messages import ExchangeResponse, ExchangeResult
from protocols.uds.outcome import ExchangeFailure, FailureReason, Finished, UdsResponse

ANSWER = UdsResponse(0x7E8, b"\x7e\x00", 2, 10.000_001, 10.25)


def test_an_outcome_in_the_links_words_and_the_connectors_clock() -> None:
    assert to_result(7, Finished((ANSWER,), None)) == ExchangeResult(
        7, (ExchangeResponse(0x7E8, b"\x7e\x00", 2, 10_000_001, 10_250_000),)
    )
    (shifted,) = to_result(7, Finished((ANSWER,), None), clock_offset_us=-500).responses
    assert (shifted.sent_us, shifted.received_us) == (9_999_501, 10_249_500)


@pytest.mark.parametrize("reason", list(FailureReason))
def test_failures_have_words_that_the_link_knows(reason: FailureReason) -> None:
    result = to_result(7, Finished((), ExchangeFailure(reason, "what happened")))
    expected = "no_response" if reason is FailureReason.UNEXPECTED else reason.value
    assert (result.failure, result.detail) == (expected, "what happened")


def test_more_answers_than_a_message_holds_are_a_failure_that_says_so() -> None:
    answers = tuple(
        UdsResponse(source, bytes(MAX_ANSWERS // 2), 0, 1.0, 2.0) for source in (1, 2, 3)
    )
    assert not to_result(1, Finished(answers[:2], None)).failure
    result = to_result(1, Finished(answers, None))
    assert (result.failure, result.responses) == ("transport", ())
    assert "ask for less" in result.detail
