"""What clients say, from the template to the figures, through HTTP alone."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.backoffice.rules.field_sales.feedback import completion
from tests.gateway.backoffice.desk import Desk

#: The second question is asked of those who liked the first thing little.
QUESTIONS = [
    {"question_id": "work", "question_text": "The work?", "question_type": "rating"},
    {
        "question_id": "why",
        "question_text": "<b>Why</b>?",
        "question_type": "text",
        "is_required": True,
        "conditional_logic": {
            "show_if": {"question_id": "work", "operator": "less_than", "value": 4}
        },
    },
]


async def template(desk: Desk) -> Any:
    return await desk.make(
        "/feedback-options", name="Visit", template_type="survey", questions=QUESTIONS
    )


async def rep(desk: Desk) -> str:
    person = {"name": "Rita", "email": "r@x.test", "role": "rep", "password": "s3cret word"}
    return str((await desk.make("/rep", 201, **person))["_id"])


@pytest.mark.slow
async def test_a_survey_from_template_to_figures(desk: Desk, clock: Any) -> None:
    (ready,) = await desk.see("/feedback-options/templates?template_type=nps")
    assert ready["question_count"] == 2
    made = await template(desk)
    preview = await desk.see(f"/feedback-options/{made['_id']}/preview")
    assert (preview["question_count"], "&lt;b&gt;Why" in preview["template_html"]) == (2, True)

    common = {"activity_type": "visit", "rep": await rep(desk), "template_id": made["_id"]}
    answers = [{"question_id": "work", "question_type": "rating", "response_value": 5}]
    happy = await desk.make(
        "/activity-feedback-v2", 201, **common, overall_satisfaction=10, responses=answers
    )
    mood = happy["sentiment_analysis"]
    assert (mood["overall_sentiment"], happy["completion_rate"]) == ("very_positive", 1)

    clock.advance(86_400)
    answers = [{"question_id": "work", "question_type": "rating", "response_value": 2}]
    sad = await desk.make(
        "/activity-feedback-v2", 201, **common, overall_satisfaction=2, responses=answers
    )
    assert sad["sentiment_analysis"]["overall_sentiment"] == "very_negative"
    assert sad["completion_rate"] == 0.5  # nobody said why
    answers += [{"question_id": "why", "response_text": "Brakes still squeal, brakes grind"}]
    sad = await desk.change(f"/activity-feedback-v2/{sad['_id']}", responses=answers)
    assert sad["completion_rate"] == 1
    assert sad["sentiment_analysis"]["keywords"][0] in {"brakes", "brakes,"}
    assert (await desk.see(f"/feedback-options/{made['_id']}"))["usage_count"] == 2

    figures = await desk.see(f"/activity-feedback-v2/analytics/detailed?template_id={made['_id']}")
    assert figures["summary"]["average_satisfaction"] == 6
    assert [day["average_satisfaction"] for day in figures["satisfaction_trends"]] == [10, 2]
    by_question = {one["question_id"]: one for one in figures["question_analysis"]}
    assert (by_question["work"]["average_score"], by_question["why"]["response_count"]) == (3.5, 1)
    later = figures["satisfaction_trends"][1]["date"]
    path = f"/activity-feedback-v2/analytics/detailed?date_from={later}"
    assert (await desk.see(path))["summary"]["total_feedback"] == 1


@pytest.mark.slow
async def test_stars_from_the_visit_to_the_figures(desk: Desk) -> None:
    common = {"activity_type": "visit", "rep": await rep(desk)}
    kept = [
        await desk.make("/activity-feedback", 201, **common, rating=stars) for stars in (5, 3, 1)
    ]
    assert [one["sentiment"] for one in kept] == ["positive", "neutral", "negative"]
    worst = f"/activity-feedback/{kept[2]['_id']}"
    assert (await desk.change(worst, rating=4))["sentiment"] == "positive"
    # What was said by whom is fixed; another type is ignored, and stars there are five of.
    assert (await desk.change(worst, activity_type="call"))["activity_type"] == "visit"
    await desk.change(worst, 400, rating=6)
    figures = await desk.see("/activity-feedback/analytics?activity_type=visit")
    assert (figures["total_feedback"], figures["average_rating"]) == (3, 4)
    assert figures["rating_distribution"] == {"1": 0, "2": 0, "3": 1, "4": 1, "5": 1}
    assert (await desk.see("/activity-feedback?rating=5"))[0]["_id"] == kept[0]["_id"]
    assert (await desk.see("/activity-feedback/analytics?activity_type=call"))[
        "by_activity_type"
    ] == {}


@pytest.mark.parametrize(
    ("compare", "value", "answer", "rate"),
    [
        ("equals", "no", "no", 0.5),
        ("equals", "no", "yes", 1),
        ("not_equals", "no", "no", 1),
        ("greater_than", 3, 4, 0.5),
        ("less_than", 3, 4, 1),
        ("less_than", 3, "four", 1),
        ("equals", "no", None, 0),
    ],
)
def test_only_questions_that_were_asked_count(
    compare: str, value: object, answer: object, rate: float
) -> None:
    condition = {"question_id": "a", "operator": compare, "value": value}
    questions: list[Any] = [{"question_id": "a"}, {"conditional_logic": {"show_if": condition}}]
    assert completion(questions, [{"question_id": "a", "response_value": answer}]) == rate
    assert completion([], []) == 0
