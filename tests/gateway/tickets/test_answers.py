from __future__ import annotations

import pytest

from gateway.domain.errors import Invalid
from gateway.storage.queries.prerequisites import AnswerOption, AnswerType, Prerequisite
from gateway.storage.queries.ticket_records import Answer
from gateway.tickets.answers import check_answers

POWER = Prerequisite(1, "Power", "", "Charged?", AnswerType.BOOLEAN, True, ())
KEYS = Prerequisite(
    2,
    "Keys",
    "",
    "How many?",
    AnswerType.OPTION,
    True,
    (AnswerOption(1, "1"), AnswerOption(2, "2")),
)
MILEAGE = Prerequisite(3, "Mileage", "", "How far?", AnswerType.TEXT, False, ())
ASKED = (POWER, KEYS, MILEAGE)


def test_answers_are_kept_with_their_questions() -> None:
    answers = check_answers(ASKED, {2: "2", 1: " TRUE ", 3: ""})
    assert answers == (Answer(1, "Charged?", "true"), Answer(2, "How many?", "2"))


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({}, "unanswered"),
        ({1: "true"}, "unanswered"),
        ({1: "  ", 2: "1"}, "unanswered"),
        ({1: "yes", 2: "1"}, "malformed"),
        ({1: "true", 2: "3"}, "malformed"),
        ({1: "true", 2: "1", 3: "x" * 2_001}, "malformed"),
        ({1: "true", 2: "1", 9: "x"}, "unknown"),
    ],
)
def test_what_does_not_answer(given: dict[int, str], code: str) -> None:
    with pytest.raises(Invalid) as caught:
        check_answers(ASKED, given)
    assert caught.value.code == f"prerequisite.{code}"
    assert caught.value.field == "product_prerequisites"
