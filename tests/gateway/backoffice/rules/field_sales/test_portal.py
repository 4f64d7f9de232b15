"""Entries of the portal: whoever has the code sees the work order, and may answer."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gateway.backoffice.conftest import Door
from tests.gateway.backoffice.desk import Desk

pytestmark = pytest.mark.slow


async def visited(desk: Desk, entry: dict[str, Any], **form: str) -> tuple[int, str]:
    """Send the form of an entry's page as its client; return status and page."""
    door = Door(desk.door.app, desk.door.mount, "")
    path = entry["portal_url"].partition(door.mount)[2]
    if not form:
        shown = await door.raw("GET", path)
        assert shown.status_code == 200
    answer = await door.raw("POST", path, form={"code": "", **form}, files={})
    return answer.status_code, await answer.get_data(as_text=True)


async def entry_of(desk: Desk, **more: Any) -> dict[str, Any]:
    order = await desk.make(
        "/workorder", title="<b>Belt</b>", status="open", description="Squeaks"
    )
    client = await desk.make("/client", name="Jansen", email="jan@example.test")
    body = {"workorder": order["_id"], "client": client["_id"]}
    made: dict[str, Any] = await desk.make("/workorder-portal", **dict[str, Any](body), **more)
    return made


async def test_the_code_opens_the_page(desk: Desk) -> None:
    entry = await entry_of(desk)
    assert entry["portal_url"].startswith("http://localhost/backoffice/field-sales/portal-entry/")
    code = entry["portal_access_code"]
    assert (await visited(desk, entry))[0] == 404
    for wrong in ("", code[:-1], code.swapcase() + "x", "\N{SNOWMAN}"):
        status, page = await visited(desk, entry, code=wrong)
        assert (status, "Squeaks" in page) == (404, False)
    status, page = await visited(desk, entry, code=f" {code} ")
    assert (status, "Squeaks" in page, "<b>" in page) == (200, True, False)
    shown = await desk.see(f"/workorder-portal/{entry['_id']}")
    assert (shown["access_count"], shown["last_accessed"]) == (1, "2026-03-02T09:30:00Z")


async def test_clients_answer_as_far_as_they_may(desk: Desk) -> None:
    entry = await entry_of(desk, allowed_actions=["view", "approve"])
    code = entry["portal_access_code"]
    _, page = await visited(desk, entry, code=code)
    assert ("Approve" in page, "Reject" in page) == (True, False)
    path = f"/workorder-portal/{entry['_id']}"
    for answer, state in (
        ("reject", "pending"),
        ("approve", "completed"),
        ("approve", "completed"),
    ):
        status, page = await visited(desk, entry, code=code, answer=answer)
        assert (status, (await desk.see(path))["status"]) == (200, state)
    assert "Your answer: completed" in page
    assert (await visited(desk, entry, code=code, answer="x"))[0] == 400


@pytest.mark.parametrize(
    "closed",
    [
        {"disabled": True},
        {"expiry_date": "2026-03-02T09:00:00Z"},
        {"allowed_actions": ["comment"]},
    ],
)
async def test_closed_entries_look_as_if_they_were_not_there(
    desk: Desk, closed: dict[str, Any]
) -> None:
    entry = await entry_of(desk, **closed)
    status, page = await visited(desk, entry, code=entry["portal_access_code"])
    other = entry | {"portal_url": entry["portal_url"][:-1] + "7"}
    assert (status, page) == await visited(desk, other, code=entry["portal_access_code"])
    assert status == 404
    broken = Door(desk.door.app, desk.door.mount, "")
    assert (await broken.raw("GET", "/portal-entry/zz")).status_code == 404


async def test_clients_and_the_garage_hear_of_it(desk: Desk, in_shop: Any) -> None:
    told = {"email_enabled": True, "notification_events": ["status_change"]}
    entry = await entry_of(desk, notifications=told, allowed_actions=["view", "approve"])
    status, _ = await desk.door.ask(
        "PATCH", f"/workorder-portal/{entry['_id']}/status", json={"status": "in_progress"}
    )
    assert status == 200
    await visited(desk, entry, code=entry["portal_access_code"], answer="approve")
    settings = {"notify_on_access": True, "notification_recipients": ["boss@example.test"]}
    link = await desk.make(
        "/workorder-portal-link", workorder=entry["workorder"], notification_settings=settings
    )
    door = Door(desk.door.app, desk.door.mount, "")
    await door.raw("GET", link["full_url"].partition(door.mount)[2])
    letters = await in_shop(lambda shop: shop.where("outgoing_mail"))
    assert [(letter["recipient"], letter["subject"]) for letter in letters] == [
        ("jan@example.test", "<b>Belt</b>: in_progress"),
        ("jan@example.test", "<b>Belt</b>: completed"),
        ("boss@example.test", "A portal link was opened"),
    ]
