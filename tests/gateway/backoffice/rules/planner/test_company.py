"""The garage's own settings, and the way to its pages."""

from __future__ import annotations

from typing import Any

import pytest


async def test_settings_are_changed_by_who_runs_the_garage(planner: Any, tokens: Any) -> None:
    status, before = await planner.ask("GET", "/company")
    assert (status, before["name"], before["settings"]["opens_at"]) == (200, "Garage 1", "08:00")
    body = {"opens_at": "09:30", "reminder_2_days": None}
    after = (await planner.ask("PUT", "/company", json=body))[1]
    assert after["settings"] == before["settings"] | body
    employee = type(planner)(
        planner.app, planner.mount, await tokens.grant("planner", role="employee")
    )
    assert (await employee.ask("GET", "/company"))[1] == after
    assert (await employee.ask("PUT", "/company", json=body))[0] == 403


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"opens_at": "25:00"}, "opens_at"),
        ({"opens_at": "18:00"}, "closes_at"),
        ({"opens_at": None}, "opens_at"),
        ({"app_url": "http://plain.example"}, "app_url"),
        ({"reminder_days": 0}, "reminder_days"),
    ],
)
async def test_settings_that_make_no_sense(planner: Any, body: Any, field: str) -> None:
    status, answer = await planner.ask("PUT", "/company", json=body)
    assert (status, list(answer["errors"])) == (422, [field])


@pytest.mark.parametrize(
    ("page", "here", "there"),
    [
        ("", "company", ""),
        ("/clients", "client", "clients"),
        ("/appointments", "appointment", "appointments"),
        ("/evil.example", "company", ""),
        ("/%2f%2fevil.example", "company", ""),
    ],
)
async def test_pages_lead_to_known_places_alone(
    planner: Any, page: str, here: str, there: str
) -> None:
    answer = await planner.raw("GET", f"/company-redirect{page}")
    if page.startswith("/%2f"):
        assert answer.status_code in {302, 404}
    if answer.status_code == 302:
        assert answer.headers["Location"] == f"/backoffice/planner/{here}"
    await planner.ask("PUT", "/company", json={"app_url": "https://app.example/"})
    answer = await planner.raw("GET", f"/company-redirect{page}")
    if answer.status_code == 302:
        assert answer.headers["Location"] == f"https://app.example/{there}"
        assert f"https://app.example/{there}" in await answer.get_data(as_text=True)
