"""Checks of stores: answered as their template asks, then handed in and judged."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation

from gateway.backoffice.refusal import broken_rule, wrong_field
from gateway.backoffice.rules.field_sales.states import Machine
from gateway.backoffice.shop import Shop, Values

STATES = Machine(
    "store check",
    {
        "draft": ("submitted",),
        "submitted": ("approved", "rejected", "draft"),
        "rejected": ("draft", "submitted"),
        "approved": (),
    },
)

#: How a question of yes or no may be answered.
_BOOLEAN = ("true", "false", "yes", "no")


def create(shop: Shop, values: Values) -> int:
    """Store a check as a draft, or as handed in; raises like :func:`change`."""
    status = values.get("status") or STATES.first
    STATES.check(STATES.first, status)
    _check(shop, values, handed_in=status != STATES.first)
    return shop.insert("storecheck", values)


def change(shop: Shop, row: Values, values: Values) -> None:
    """Change a check.

    Raises:
        Unprocessable: an answer is not of its question's kind, or a required one is missing in a
            check that is handed in.
        Invalid: the state does not follow, or the check was approved.
    """
    status = values.get("status") or row["status"]
    STATES.check(row["status"], status)
    if row["status"] == "approved" and any(values.get(n, row[n]) != row[n] for n in _ANSWERED):
        raise broken_rule("This check was approved: its answers stay. Make another one.")
    _check(shop, row | values, handed_in=status in {"submitted", "approved"})
    shop.change("storecheck", row["id"], values)


#: What approval is given to.
_ANSWERED = ("template", "responses")


def _check(shop: Shop, values: Values, *, handed_in: bool) -> None:
    questions = {str(one.get("id")): one for one in _questions(shop, values["template"])}
    answered = set()
    for place, response in enumerate(values.get("responses") or []):
        question = questions.get(str(response.get("questionId")))
        if question is None:
            raise wrong_field(
                f"responses.{place}.questionId", "names no question of the template."
            )
        if _is_answered(question, response):
            _check_kind(question, response, f"responses.{place}.answer")
            answered.add(str(question.get("id")))
    missing = [
        str(question.get("text") or key)
        for key, question in questions.items()
        if question.get("required") and key not in answered
    ]
    if handed_in and missing:
        raise wrong_field("responses", f"lack answers that are required: {', '.join(missing)}.")


def _questions(shop: Shop, template_id: int) -> Iterator[Values]:
    for section in shop.get("storecheck_template", template_id)["sections"] or []:
        yield from section.get("questions") or []


def _is_answered(question: Values, response: Values) -> bool:
    if question.get("type") == "photo":
        return bool(response.get("photos") or response.get("answer"))
    return bool((response.get("answer") or "").strip())


def _check_kind(question: Values, response: Values, where: str) -> None:
    answer = (response.get("answer") or "").strip()
    match question.get("type"):
        case "number" if not _is_number(answer):
            raise wrong_field(where, "must be a number.")
        case "boolean" if answer.lower() not in _BOOLEAN:
            raise wrong_field(where, f"must be one of: {', '.join(_BOOLEAN)}.")
        case "multiple_choice" if answer not in (question.get("options") or [answer]):
            raise wrong_field(where, f"must be one of: {', '.join(question['options'])}.")


def _is_number(text: str) -> bool:
    try:
        return Decimal(text).is_finite()
    except InvalidOperation:
        return False
