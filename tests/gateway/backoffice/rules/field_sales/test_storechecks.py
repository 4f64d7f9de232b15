"""Store checks are handed in when what their template requires is answered."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gateway.backoffice.desk import Desk

pytestmark = pytest.mark.slow

QUESTIONS = [
    {"id": "stock", "text": "How many?", "type": "number", "required": True},
    {"id": "seen", "text": "Seen?", "type": "boolean"},
    {"id": "where", "text": "Where?", "type": "multiple_choice", "options": ["top", "bottom"]},
    {"id": "shelf", "text": "Show it", "type": "photo", "required": True},
]


async def body_of(desk: Desk) -> dict[str, Any]:
    person = {"email": "r@x.test", "role": "rep", "password": "s3cret word"}
    template = await desk.make(
        "/storecheck-template", name="T", sections=[{"title": "S", "questions": QUESTIONS}]
    )
    return {
        "client": (await desk.make("/client", name="Jansen"))["_id"],
        "rep": (await desk.make("/rep", name="Rita", **dict[str, Any](person)))["_id"],
        "template": template["_id"],
        "date": "2026-03-02T10:00:00Z",
    }


def answers(**given: str) -> list[dict[str, Any]]:
    return [{"questionId": name, "answer": text} for name, text in given.items()]


async def test_required_answers_are_required_when_it_is_handed_in(desk: Desk) -> None:
    body = await body_of(desk)
    draft = await desk.make("/activity-storecheck", **body, responses=answers(stock="7"))
    path = f"/activity-storecheck/{draft['_id']}"
    status, answer = await desk.door.ask("PATCH", path, json={"status": "submitted"})
    assert status == 400
    assert "Show it" in answer["error"]
    assert "How many" not in answer["error"]
    photo = {"questionId": "shelf", "photos": ["https://x.test/1.jpg"]}
    whole = [*answers(stock="7", seen="yes", where="top"), photo]
    done: dict[str, Any] = {"responses": whole, "status": "submitted"}
    assert (await desk.door.ask("PATCH", path, json=done))[0] == 200
    assert (await desk.door.ask("PATCH", path, json={"status": "approved"}))[0] == 200
    late: dict[str, Any]
    for late in ({"status": "draft"}, {"responses": []}):
        assert (await desk.door.ask("PATCH", path, json=late))[0] == 422
    await desk.make("/activity-storecheck", **body, **done)
    await desk.make("/activity-storecheck", 422, **body, status="approved", responses=whole)


@pytest.mark.parametrize(
    ("question", "wrong"),
    [("stock", "many"), ("stock", "NaN"), ("seen", "perhaps"), ("where", "left"), ("other", "x")],
)
async def test_answers_are_of_their_question_s_kind(desk: Desk, question: str, wrong: str) -> None:
    body = await body_of(desk)
    await desk.make("/activity-storecheck", 400, **body, responses=answers(**{question: wrong}))
