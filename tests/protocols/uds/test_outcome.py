"""Reasons are stable words: scripts match on them."""

from protocols.uds.outcome import FailureReason


def test_reasons_are_stable_words() -> None:
    assert {reason.name.lower() for reason in FailureReason} == set(FailureReason)
