"""Service in the field, through HTTP alone: from what a client asks for to the unit that works."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gateway.backoffice.conftest import Door
from tests.gateway.backoffice.desk import Desk

pytestmark = pytest.mark.slow


async def categories(desk: Desk) -> tuple[str, str]:
    """Make a category with one below; return the ids of both."""
    upper = await desk.make("/workorder-category", name="Repairs")
    lower = await desk.make("/workorder-category", name="Brakes", parent_category=upper["_id"])
    return upper["_id"], lower["_id"]


async def test_what_a_client_asks_for_becomes_an_order_once(desk: Desk) -> None:
    client = (await desk.make("/client", name="Garage Jansen"))["_id"]
    upper, lower = await categories(desk)
    asked = await desk.make(
        "/workorder-request", title="Brakes", client=client, category=lower, priority="high"
    )
    path = f"/workorder-request/{asked['_id']}"
    assert "status" not in asked or asked["status"] is None
    for _ in range(2):  # approved twice, ordered once
        await desk.change(path, status="approved", title="Front brakes")
    (order,) = await desk.see(f"/workorder?client={client}")
    told = {name: order[name] for name in ("title", "priority", "category", "status")}
    assert told == {
        "title": "Front brakes",
        "priority": "high",
        "category": lower,
        "status": "open",
    }
    (tree,) = await desk.see("/workorder-category/hierarchy")
    assert (tree["_id"], tree["children"][0]["workorder_count"]) == (upper, 1)
    await desk.change(f"/workorder/{order['_id']}", status="done")
    assert await desk.see("/workorder?status=open") == []


async def test_categories_are_a_tree(desk: Desk) -> None:
    upper, lower = await categories(desk)
    await desk.change(f"/workorder-category/{upper}", 422, parent_category=lower)
    assert (await desk.door.ask("DELETE", f"/workorder-category/{upper}"))[0] == 422
    remove = "/workorder-category/remove"
    assert (await desk.door.ask("POST", remove, json={"ids": [upper]}))[0] == 422
    # Nothing half done: the lower one is still there.
    assert len(await desk.see("/workorder-category")) == 2
    assert (await desk.door.ask("POST", remove, json={"ids": [lower]}))[0] == 200
    assert (await desk.door.ask("POST", remove, json={"ids": [upper]}))[0] == 200
    assert await desk.see("/workorder-category/hierarchy") == []


async def test_an_entry_at_the_portal_goes_its_way(desk: Desk) -> None:
    client = (await desk.make("/client", name="Garage Jansen"))["_id"]
    order = (await desk.make("/workorder", title="Belt"))["_id"]
    entries = [
        await desk.make("/workorder-portal", workorder=order, client=client) for _ in range(2)
    ]
    codes = {entry["portal_access_code"] for entry in entries}
    assert (len(codes), entries[0]["status"]) == (2, "pending")
    path = f"/workorder-portal/{entries[0]['_id']}/status"
    for status, answer in (("in_progress", 200), ("completed", 200), ("pending", 422)):
        body = {"status": status, "notes": "as it goes"}
        assert (await desk.door.ask("PATCH", path, json=body))[0] == answer
    shown = await desk.see(f"/workorder-portal/{entries[0]['_id']}")
    assert shown["status"] == "completed"


async def test_who_has_the_old_link_is_shut_out(desk: Desk, clock: Any) -> None:
    order = (await desk.make("/workorder", title="Belt", status="open"))["_id"]
    link = await desk.make("/workorder-portal-link", workorder=order)
    stranger = Door(desk.door.app, desk.door.mount, "")

    async def look(url: str) -> int:
        answer = await stranger.raw("GET", url.partition("field-sales")[2])
        return int(answer.status_code)

    path = f"/workorder-portal-link/{link['_id']}"
    assert await look(link["full_url"]) == 200
    fresh = await desk.make(f"{path}/regenerate", 200)
    assert (await look(link["full_url"]), await look(fresh["full_url"])) == (404, 200)
    for act, answer in (("deactivate", 404), ("activate", 200)):
        await desk.make(f"{path}/{act}", 200)
        assert await look(fresh["full_url"]) == answer
    ends = clock.now.isoformat().replace("+00:00", "Z")
    await desk.change(path, expiry_date=ends)
    clock.advance(1)
    assert await look(fresh["full_url"]) == 404
    await desk.make(f"{path}/activate", 422)


async def test_a_unit_remembers_what_was_done_with_it(desk: Desk) -> None:
    kind = (await desk.make("/asset", name="Compressor"))["_id"]
    units = [
        (await desk.make("/asset-unit", asset=kind, serial_number=number))["_id"]
        for number in ("C-1", "C-2")
    ]
    await desk.door.ask("POST", "/asset-unit", json={"asset": kind, "serial_number": "C-1"})
    path = f"/asset-unit/{units[0]}/status"
    for status in ("maintenance", "active", "disposed"):
        body = {"status": status, "reason": "leaks"}
        assert (await desk.door.ask("PATCH", path, json=body))[0] == 200
    assert (await desk.door.ask("PATCH", path, json={"status": "active"}))[0] == 422
    unit = await desk.see(f"/asset-unit/{units[0]}")
    told = [entry["description"] for entry in unit["maintenance_history"]]
    assert told[0].endswith("maintenance: leaks")
    assert len(told) == 3
    assert [one["_id"] for one in await desk.see("/asset-unit?status=disposed")] == units[:1]
    assert len(await desk.see(f"/asset-unit?asset={kind}")) == 2
