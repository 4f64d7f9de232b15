"""The questions that have to be answered before ordering."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.domain.errors import Invalid
from gateway.storage.queries.prerequisites import AnswerType, Prerequisite
from gateway.storage.queries.ticket_records import Answer

#: Longest answer that is kept.
LONGEST = 2_000


def check_answers(asked: tuple[Prerequisite, ...], given: Mapping[int, str]) -> tuple[Answer, ...]:
    """Return the answers to keep, in the order of the questions.

    Args:
        asked: the questions of the products ordered.
        given: question id -> answer, always text.

    Raises:
        Invalid: a required answer lacks, an answer is not of its type, or nobody asked.
    """
    strangers = given.keys() - {question.id for question in asked}
    if strangers:
        listed = ", ".join(str(one) for one in sorted(strangers)[:10])
        detail = f"None of these products asks question {listed}. List the prerequisites first."
        raise _invalid("unknown", detail)
    answers = (_answer(question, given.get(question.id, "").strip()) for question in asked)
    return tuple(answer for answer in answers if answer is not None)


def _answer(question: Prerequisite, value: str) -> Answer | None:
    if not value:
        if question.required:
            detail = f"Question {question.id} is not answered: {question.question}"
            raise _invalid("unanswered", detail)
        return None
    if question.type is AnswerType.BOOLEAN:
        value = value.lower()
        _require(value in {"true", "false"}, question, "true or false")
    if question.type is AnswerType.OPTION:
        values = [option.value for option in question.options]
        _require(value in values, question, f"one of {', '.join(values)}")
    _require(len(value) <= LONGEST, question, f"at most {LONGEST} characters long")
    return Answer(question.id, question.question, value)


def _require(holds: bool, question: Prerequisite, wanted: str) -> None:
    if not holds:
        detail = f"The answer to question {question.id} must be {wanted}: {question.question}"
        raise _invalid("malformed", detail)


def _invalid(reason: str, detail: str) -> Invalid:
    return Invalid(f"prerequisite.{reason}", detail, field="product_prerequisites")
