"""What clients say: what it sounds like, and what it adds up to."""

from __future__ import annotations

import operator
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from datetime import timedelta
from html import escape
from typing import Any

from gateway.backoffice.kinds import Identifier
from gateway.backoffice.moments import business_day, day_begin
from gateway.backoffice.shop import Shop, Values

_ID = Identifier(hexadecimal=True)

#: Satisfaction from 1 to 10 in steps of two.
_MOODS = ("very_negative", "negative", "neutral", "positive", "very_positive")

#: Templates that every garage can begin with.
PREDEFINED: tuple[Values, ...] = (
    {
        "template_id": "visit-satisfaction",
        "name": "Satisfaction with a visit",
        "description": "Three questions after a visit.",
        "category": "visit",
        "template_type": "rating",
        "question_count": 3,
        "estimated_time": 2,
    },
    {
        "template_id": "recommendation",
        "name": "Would you recommend us",
        "description": "One number from 0 to 10, and why.",
        "category": "loyalty",
        "template_type": "nps",
        "question_count": 2,
        "estimated_time": 1,
    },
    {
        "template_id": "repair-survey",
        "name": "After a repair",
        "description": "Quality, time, price and words.",
        "category": "service",
        "template_type": "survey",
        "question_count": 6,
        "estimated_time": 4,
    },
)

#: How a condition compares an answer with its value.
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "equals": operator.eq,
    "not_equals": operator.ne,
    "greater_than": operator.gt,
    "less_than": operator.lt,
}

#: Minutes that people take for an answer.
_MINUTES = {"text": 1.0, "multiple_choice": 0.5}


def create(shop: Shop, values: Values) -> int:
    """Store feedback with its sentiment: 4 and 5 are positive, 3 is neutral."""
    return shop.insert("visit_feedback", values | {"sentiment": _sentiment(values["rating"])})


def change(shop: Shop, row: Values, values: Values) -> None:
    """Change feedback; another rating sounds otherwise."""
    if values.get("rating"):
        values["sentiment"] = _sentiment(values["rating"])
    shop.change("visit_feedback", row["id"], values)


def _sentiment(rating: int) -> str:
    return "neutral" if rating == 3 else "positive" if rating > 3 else "negative"


def create_response(shop: Shop, values: Values) -> int:
    """Store answers to a template, which counts its use."""
    template = shop.lock("feedback_template", values["template_id"])
    used = {"usage_count": (template["usage_count"] or 0) + 1}
    shop.change("feedback_template", template["id"], used)
    return shop.insert("survey_response", values | _judged(values, template))


def change_response(shop: Shop, row: Values, values: Values) -> None:
    """Change answers; they are judged again."""
    template = shop.get("feedback_template", row["template_id"])
    shop.change("survey_response", row["id"], values | _judged(row | values, template))


def _judged(values: Values, template: Values) -> Values:
    answers = values.get("responses") or []
    words = Counter(
        word
        for answer in answers
        for word in str(answer.get("response_text") or "").lower().split()
        if len(word) > 3
    )
    score = values["overall_satisfaction"]
    mood = {
        "overall_sentiment": _MOODS[(score - 1) // 2],
        # The further from the middle, the surer.
        "confidence_score": round(0.5 + abs(score - 5.5) / 9, 2),
        "keywords": [word for word, _ in words.most_common(5)],
    }
    rate = completion(template["questions"] or [], answers)
    return {"sentiment_analysis": mood, "completion_rate": round(rate, 4)}


def completion(questions: list[Values], answers: list[Values]) -> float:
    """Return how many of the questions that were asked have an answer, from 0 to 1.

    A question with a condition (``show_if``) is asked when the answer to the other one fits.
    """
    given = {_key(one): _answer(one) for one in answers}
    asked = [_key(question) for question in questions if _is_asked(question, given)]
    answered = sum(given.get(key) not in (None, "", []) for key in asked)
    return answered / len(asked) if asked else 0.0


def _key(one: Values) -> str:
    """Return what brings question and answer together; ids may be left out."""
    return str(one.get("question_id") or one.get("question_text") or "")


def _answer(one: Values) -> object:
    value = one.get("response_value")
    return one.get("response_text") if value is None else value


def _is_asked(question: Values, given: Values) -> bool:
    condition = (question.get("conditional_logic") or {}).get("show_if")
    if not condition:
        return True
    answer, wanted = given.get(str(condition.get("question_id"))), condition.get("value")
    if answer is None:
        return False
    compare = _COMPARISONS[condition.get("operator") or "equals"]
    try:
        return compare(answer, wanted)
    except TypeError:
        return False  # a text is neither more nor less than a number


def analytics(shop: Shop, values: Values) -> Values:
    """Return what ratings add up to."""
    rows = _within(shop, "visit_feedback", values)
    ratings = Counter(row["rating"] for row in rows)
    return {
        "total_feedback": len(rows),
        "average_rating": _mean(row["rating"] for row in rows),
        "rating_distribution": {str(stars): ratings[stars] for stars in range(1, 6)},
        "by_activity_type": {
            kind: {"count": len(scores), "average_rating": _mean(scores)}
            for kind, scores in sorted(_by_type(rows).items())
        },
    }


def _by_type(rows: list[Values]) -> dict[str, list[int]]:
    found: defaultdict[str, list[int]] = defaultdict(list)
    for row in rows:
        found[row["activity_type"]].append(row["rating"])
    return found


def detailed(shop: Shop, values: Values) -> Values:
    """Return satisfaction in all, by day and by question."""
    rows = _within(shop, "survey_response", values)
    by_day: defaultdict[str, list[int]] = defaultdict(list)
    for row in rows:
        by_day[business_day(row["created_at"]).isoformat()].append(row["overall_satisfaction"])
    return {
        "summary": {
            "total_feedback": len(rows),
            "average_satisfaction": _mean(row["overall_satisfaction"] for row in rows),
            "response_rate": _mean(float(row["completion_rate"] or 0) for row in rows),
        },
        "satisfaction_trends": [
            {"date": day, "average_satisfaction": _mean(scores), "count": len(scores)}
            for day, scores in sorted(by_day.items())
        ],
        "question_analysis": _questions(rows),
    }


def _questions(rows: list[Values]) -> list[Values]:
    answers: defaultdict[str, list[Values]] = defaultdict(list)
    for row in rows:
        for answer in row["responses"] or []:
            answers[answer.get("question_id", "")].append(answer)
    return [
        {
            "question_id": key,
            "question_text": next((a["question_text"] for a in given if "question_text" in a), ""),
            "average_score": _mean(
                value
                for a in given
                if isinstance(value := a.get("response_value"), (int, float))
                and not isinstance(value, bool)
            ),
            "response_count": len(given),
        }
        for key, given in sorted(answers.items())
    ]


def _within(shop: Shop, noun: str, values: Values) -> list[Values]:
    table = shop.tables[noun]
    query = shop.select(noun)
    if values.get("date_from"):
        query = query.where(table.c.created_at >= day_begin(values["date_from"]))
    if values.get("date_to"):
        query = query.where(table.c.created_at < day_begin(values["date_to"] + timedelta(1)))
    if values.get("activity_type"):
        query = query.where(table.c.activity_type == values["activity_type"])
    for name in ("rep", "template_id"):
        if values.get(name):
            query = query.where(table.c[name] == values[name])
    return shop.rows(query)


def _mean(numbers: Iterable[float]) -> float:
    found = list(numbers)
    return round(sum(found) / len(found), 2) if found else 0.0


def templates(_: Shop, values: Values) -> list[Values]:
    """Return the templates to begin with, narrowed by category and type."""
    asked = {name: values[name] for name in ("category", "template_type") if values.get(name)}
    return [one for one in PREDEFINED if all(one[name] == it for name, it in asked.items())]


def preview(_: Shop, row: Values, __: Values) -> Values:
    """Return a template as a form to look at; what people typed is escaped."""
    questions = row["questions"] or []
    parts = "".join(_question(one) for one in questions)
    minutes = sum(_MINUTES.get(one.get("question_type", ""), 0.25) for one in questions)
    return {
        "template_html": f"<form><h1>{escape(row['name'])}</h1>{parts}</form>",
        "estimated_completion_time": max(1, round(minutes)),
        "question_count": len(questions),
    }


def _question(question: Values) -> str:
    text = escape(question.get("question_text", ""))
    needed = " required" if question.get("is_required") else ""
    name = escape(question.get("question_id", ""), quote=True)
    if question.get("question_type") == "text":
        return f'<label>{text}<textarea name="{name}"{needed}></textarea></label>'
    options = "".join(
        f"<option>{escape(str(option.get('label', '')))}</option>"
        for option in question.get("options") or ()
    )
    if options:
        return f'<label>{text}<select name="{name}"{needed}>{options}</select></label>'
    return f'<label>{text}<input name="{name}"{needed}></label>'
