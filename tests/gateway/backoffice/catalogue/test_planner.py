"""The planner's lists: both paginators, filters, orders that turn; joins with the repair API."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.backoffice.rules.planner import appointments
from gateway.backoffice.shop import Shop
from tests.gateway.backoffice.rules.planner.conftest import visit as make_visit

MONDAY = datetime(2026, 3, 9, 8, tzinfo=UTC)


def week(shop: Shop) -> list[int]:
    """Make an appointment on each of four days, by turns of two people; and one that waits."""
    visit = make_visit(shop)
    kinds = [row["id"] for row in shop.where("appointment_type")]
    made = [
        appointments.create(
            shop,
            visit.values(
                time_from=MONDAY + timedelta(days=day),
                users=[(1, 11)[day % 2]],
                appointment_type_id=kinds[day % 2],
            ),
        )
        for day in range(4)
    ]
    return [*made, appointments.create(shop, visit.values(users=[]))]


@pytest.fixture
async def days(in_shop: Any) -> list[int]:
    found: list[int] = await in_shop(week)
    return found


async def test_length_aware_pages(planner: Any, days: list[int]) -> None:
    status, page = await planner.ask("GET", "/appointment?per_page=2&page=2&users[]=1&users[]=11")
    assert status == 200, page
    assert (page["total"], page["last_page"], page["per_page"]) == (4, 2, "2")
    assert (page["from"], page["to"], page["next_page_url"]) == (3, 4, None)
    first = page["last_page_url"].partition("/backoffice/planner")[2]
    assert (await planner.ask("GET", first))[1]["data"] == page["data"]
    assert (await planner.ask("GET", "/appointment"))[1]["per_page"] == 100
    assert "total" not in (await planner.ask("GET", "/client"))[1]


@pytest.mark.parametrize(
    ("query", "chosen"),
    [
        ("", [4, 0, 1, 2, 3]),  # what waits counts from its window
        ("ordertype=desc", [3, 2, 1, 0, 4]),
        ("users[]=1", [0, 2]),
        ("users[0]=1&users[1]=11", [0, 1, 2, 3]),
        ("users[]=99", []),
        ("appointment_type[]=2", [1, 3]),
        ("from=2026-03-10&to=2026-03-11", [1, 2]),
        ("client_id=99", []),
    ],
)
async def test_filters_and_order(
    planner: Any, days: list[int], query: str, chosen: list[int]
) -> None:
    status, page = await planner.ask("GET", f"/appointment?{query}")
    assert status == 200, page
    assert [row["id"] for row in page["data"]] == [days[n] for n in chosen]


async def test_bad_queries_are_refused(planner: Any) -> None:
    for query in ("users[]=x", "from=yesterday", "ordertype=up", "per_page=0"):
        assert (await planner.ask("GET", f"/appointment?{query}"))[0] == 422, query


async def test_stray_bodies_of_reads_are_ignored(planner: Any, days: list[int]) -> None:
    status, page = await planner.ask("GET", "/appointment", json={"page": 2})
    assert (status, page["current_page"]) == (200, 1)


async def test_a_visit_runs_through_the_shop(
    planner: Any, repair: Any, days: list[int], clock: Any
) -> None:
    """Appointment to work order to invoice, each seen from the other door."""
    path = f"/appointment/{days[0]}"
    shown = (await planner.ask("POST", f"{path}/confirm", json={}))[1]
    assert (shown["status_system"], shown["company"]["name"]) == ("confirmed", "Garage 1")
    clock.now = MONDAY + timedelta(hours=2)
    shown = (await planner.ask("POST", f"{path}/visited", json={}))[1]
    assert shown["status_system"] == "visited"
    order = shown["work_order"]
    assert shown["work_orders"] == [order]
    seen = (await repair.ask("GET", f"/work-orders/{order['id']}"))[1]
    assert seen["ticket_no"] == order["ticket_no"]
    line = {"description": "Service", "unit_price": 100}
    await repair.ask("POST", f"/work-orders/{order['id']}/lines", json=line)
    body = {"customer_id": shown["client_id"], "work_order_id": order["id"]}
    body |= {"invoice_date": "2026-03-09"}
    made = (await repair.ask("POST", "/invoices", json=body))[1]
    invoice = (await planner.ask("GET", f"/invoice/{made['id']}"))[1]
    assert (invoice["appointment_id"], invoice["total_vat"]) == (days[0], 21)
    assert [row["description"] for row in invoice["lines"]] == ["Service"]
    client = (await planner.ask("GET", f"/client/{shown['client_id']}"))[1]
    assert [one["id"] for one in client["invoices"]] == [made["id"]]
    assert client["appointments"][-1]["status_system"] == "visited"


async def test_invoices_since_a_day(planner: Any, repair: Any, clock: Any, in_shop: Any) -> None:
    visit = await in_shop(make_visit)
    lines = [{"description": "x", "qty": 1, "unit_price": 1}]
    body = {"customer_id": visit.client, "invoice_date": "2026-03-02", "lines": lines}
    for _ in range(2):
        await repair.ask("POST", "/invoices", json=body)
        clock.advance(86_400)
    for name in ("created_at", "updated_at"):
        for day, count in (("2026-03-02", 2), ("2026-03-03", 1), ("2026-03-04", 0)):
            page = (await planner.ask("GET", f"/invoice?{name}={day}"))[1]
            assert len(page["data"]) == count, (name, day)
        assert (await planner.ask("GET", f"/invoice?{name}=x"))[0] == 422


async def test_users_are_the_people_of_the_garage(planner: Any, repair: Any) -> None:
    body = {"name": "E", "email": "new@example.test", "role": "employee"}
    made = (await repair.ask("POST", "/employees", json=body))[1]["id"]
    await repair.ask("PUT", f"/employees/{made}/phone", json={"mobile_number": "+31612345678"})
    found = {user["id"]: user for user in (await planner.ask("GET", "/user"))[1]["data"]}
    assert set(found) == {1, 11, 21, 31, made}
    assert "password_hash" not in found[made]
    await repair.ask("DELETE", f"/employees/{made}")
    assert made not in {user["id"] for user in (await planner.ask("GET", "/user"))[1]["data"]}


async def test_items_to_be_planned(planner: Any, in_shop: Any) -> None:
    visit = await in_shop(make_visit)
    path = f"/client/{visit.client}/item/{visit.item}"
    body = {"recurring": True, "plan_cycle": 6, "date_from": "2026-04-01"}
    changed = (await planner.ask("PUT", path, json=body))[1]
    assert changed["plan_next_date"] == "2026-04-01"
    for day, count in (("2026-03-31", 0), ("2026-04-01", 1)):
        page = (await planner.ask("GET", f"/item?plan_until={day}"))[1]
        assert len(page["data"]) == count
    told = (await planner.ask("POST", f"{path}/comments", json={"description": "Leaks"}))[1]
    assert [(c["description"], c["user_id"]) for c in told["comments"]] == [("Leaks", 1)]
    other = (await planner.ask("POST", "/client", json={"last_name": "Other"}))[1]["id"]
    elsewhere = f"/client/{other}/item/{visit.item}"
    assert (await planner.ask("GET", elsewhere))[0] == 404
    assert (await planner.ask("POST", f"{elsewhere}/comments", json={"description": "x"}))[
        0
    ] == 404


async def test_types_begin_with_some_and_can_be_added(planner: Any) -> None:
    assert len((await planner.ask("GET", "/appointment-type"))[1]) == 3
    body = {"name": "Tuning", "time": 45, "checklist": ["Listen", "Tune"]}
    made = (await planner.ask("POST", "/appointment/types", json=body))[1]
    assert (made["time"], made["checklist"]) == (45, ["Listen", "Tune"])
    assert (await planner.ask("DELETE", f"/appointment-type/{made['id']}"))[0] == 204
    assert len((await planner.ask("GET", "/appointment-types"))[1]) == 3
