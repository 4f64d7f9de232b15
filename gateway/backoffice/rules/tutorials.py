"""Tutorials: lessons by role, and how far each user has come."""

from __future__ import annotations

from gateway.backoffice.access import ADMINS
from gateway.backoffice.reading import absent
from gateway.backoffice.refusal import wrong_field
from gateway.backoffice.rules.lessons import LESSONS
from gateway.backoffice.shop import Shop, Values

#: Everybody's.
EVERYONE = "all"


def listing(shop: Shop, _: Values) -> object:
    """Return the tutorials of the caller's role."""
    return [_brief(shop, row) for row in _visible(shop)]


def reading(shop: Shop, values: Values) -> object:
    """Return a tutorial with its steps, and which of them the caller has done."""
    row = _one(shop, values["id"])
    done = _done(shop)
    steps = [
        {
            "id": step["id"],
            "order": step["position"],
            "title": step["title"],
            "body": step["body"],
            "completed": step["id"] in done,
        }
        for step in _steps(shop, row["id"])
    ]
    return {"id": row["id"], "title": row["title"], "steps": steps}


def progress(shop: Shop, _: Values) -> object:
    """Return how far the caller has come in each tutorial."""
    done = _done(shop)
    return [_progress(shop, row, done) for row in _visible(shop)]


def complete_step(shop: Shop, values: Values) -> object:
    """Note a step as done; harmless when it was. The last one ends the onboarding.

    Raises:
        Invalid: the step is not the tutorial's.
        NotFound: there is no such tutorial for the caller.
    """
    row = _one(shop, values["id"])
    if values["step_id"] not in {step["id"] for step in _steps(shop, row["id"])}:
        raise wrong_field("step_id", "is not a step of this tutorial.")
    if values["step_id"] not in _done(shop):
        shop.insert("tutorial_done", {"user_id": shop.user_id, "step_id": values["step_id"]})
    done = _done(shop)
    shown = _progress(shop, row, done)
    if all(_progress(shop, each, done)["completed"] for each in _visible(shop)):
        set_settings(shop, {"completed_onboarding": True})
    message = "Tutorial completed." if shown["completed"] else "Step completed."
    return {"message": message, "percent": shown["percent"], "completed": shown["completed"]}


def complete_named_step(shop: Shop, values: Values) -> object:
    """Note a step as done, with the tutorial named in the body; raises like the other."""
    tutorial_id = values.pop("tutorial_id")
    if shop.find("tutorial", id=tutorial_id) is None:
        raise wrong_field("tutorial_id", "is invalid.")
    return complete_step(shop, values | {"id": tutorial_id})


def reset(shop: Shop, values: Values) -> object:
    """Forget what the caller has done of a tutorial."""
    row = _one(shop, values["id"])
    steps = {step["id"] for step in _steps(shop, row["id"])}
    for mark in shop.where("tutorial_done", user_id=shop.user_id):
        if mark["step_id"] in steps:
            shop.remove("tutorial_done", mark["id"])
    return {"message": "Progress reset."}


def settings(shop: Shop, _: Values) -> object:
    """Return the caller's settings."""
    row = shop.find("tutorial_setting", user_id=shop.user_id) or {}
    return {
        "tutorials_enabled": row.get("tutorials_enabled", True),
        "completed_onboarding": row.get("completed_onboarding", False),
        "dismissed_hints": row.get("dismissed_hints") or [],
    }


def set_settings(shop: Shop, values: Values) -> object:
    """Change the caller's settings; what is not given stays."""
    given = {name: value for name, value in values.items() if value is not None}
    row = shop.find("tutorial_setting", user_id=shop.user_id)
    if row is None:
        shop.insert("tutorial_setting", {"user_id": shop.user_id} | given)
    elif given:
        shop.change("tutorial_setting", row["id"], given)
    return settings(shop, {})


def seed(shop: Shop, _: Values) -> object:
    """Store the product's own tutorials, or renew their words; nobody's progress is lost."""
    for lesson in LESSONS:
        head = {"key": lesson.key, "title": lesson.title, "role": lesson.role}
        row = shop.find("tutorial", key=lesson.key)
        tutorial_id = row["id"] if row else shop.insert("tutorial", head)
        shop.change("tutorial", tutorial_id, head)
        present = {step["position"]: step["id"] for step in _steps(shop, tutorial_id)}
        for position, (title, body) in enumerate(lesson.steps, 1):
            words = {"title": title, "body": body}
            if position in present:
                shop.change("tutorial_step", present[position], words)
            else:
                key = {"tutorial_id": tutorial_id, "position": position}
                shop.insert("tutorial_step", key | words)
    return {"message": f"{len(LESSONS)} tutorials seeded."}


def _visible(shop: Shop) -> list[Values]:
    rows = shop.where("tutorial")
    if shop.role in ADMINS:
        return rows
    return [row for row in rows if row["role"] in {EVERYONE, shop.role}]


def _one(shop: Shop, tutorial_id: int) -> Values:
    for row in _visible(shop):
        if row["id"] == tutorial_id:
            return row
    raise absent("tutorial")


def _steps(shop: Shop, tutorial_id: int) -> list[Values]:
    steps = shop.where("tutorial_step", tutorial_id=tutorial_id)
    return sorted(steps, key=lambda step: int(step["position"]))


def _done(shop: Shop) -> set[int]:
    return {row["step_id"] for row in shop.where("tutorial_done", user_id=shop.user_id)}


def _brief(shop: Shop, row: Values) -> Values:
    total = shop.count("tutorial_step", tutorial_id=row["id"])
    return {"id": row["id"], "title": row["title"], "role": row["role"], "total_steps": total}


def _progress(shop: Shop, row: Values, done: set[int]) -> Values:
    steps = _steps(shop, row["id"])
    count = sum(1 for step in steps if step["id"] in done)
    percent = int(count * 100 / len(steps) + 0.5) if steps else 100
    return {
        "tutorial": {"id": row["id"], "title": row["title"]},
        "total_steps": len(steps),
        "completed_steps": count,
        "percent": percent if count == len(steps) else min(percent, 99),
        "completed": count == len(steps),
    }
