from __future__ import annotations

import pytest

from protocols.diagnosis.transfer_outcome import Carried, Outcome, Refused, Silent, outcome_of
from protocols.link.messages import ExchangeResponse, ExchangeResult


def result(*answers: str) -> ExchangeResult:
    return ExchangeResult(
        1, tuple(ExchangeResponse(0x7E8, bytes.fromhex(text), 0, 0, 0) for text in answers)
    )


@pytest.mark.parametrize(
    ("came", "outcome"),
    [
        (result("5003"), Carried(b"\x50\x03")),
        (result(), Carried(b"")),
        (result("7f1022", "5003"), Carried(b"\x50\x03")),
        (result("7f1022"), Refused(0x22, "10 is refused with 22 conditionsNotCorrect")),
        (result("6101"), Silent("no_response", "61 01 is no answer")),
        (ExchangeResult(1, failure="no_response"), Silent("no_response", "no response")),
        (ExchangeResult(1, failure="transport", detail="gone"), Silent("transport", "gone")),
    ],
)
def test_outcomes(came: ExchangeResult, outcome: Outcome) -> None:
    assert outcome_of(b"\x10\x03", came) == outcome
