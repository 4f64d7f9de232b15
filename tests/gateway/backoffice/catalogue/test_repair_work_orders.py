"""Repair: work orders, lines, notes and trail, held to the contract."""

from __future__ import annotations

from typing import Any

import pytest

ORDER = {"customer_id": 1, "device_brand": "Volkswagen", "device_model": "Golf"}


@pytest.fixture
async def customer(repair: Any) -> dict[str, Any]:
    status, made = await repair.ask(
        "POST", "/customers", json={"first_name": "Jan", "last_name": "Jansen"}
    )
    assert status == 201
    return dict(made)


@pytest.fixture
async def order(repair: Any, customer: dict[str, Any]) -> dict[str, Any]:
    status, made = await repair.ask("POST", "/work-orders", json=ORDER)
    assert status == 201
    return dict(made)


async def test_order_walk(repair: Any, contracts: Any, order: dict[str, Any]) -> None:
    contract = contracts("repair")
    contract.check("post", "/work-orders", 201, order)
    assert contract.absent("WorkOrder", order) == set()
    assert order["ticket_no"] == "WO-2026-0001"
    assert order["status"] == {"slug": "new", "label": "New"}
    assert order["customer"] == {"id": 1, "name": "Jan Jansen"}

    line = {"description": "Calibration", "quantity": 7, "unit_price": 0.99}
    status, made = await repair.ask("POST", "/work-orders/1/lines", json=line)
    contract.check("post", "/work-orders/{id}/lines", status, made)
    assert contract.absent("WorkOrderLine", made) == set()
    assert (made["vat_rate"], made["line_total_excl"]) == (21, 6.93)

    status, note = await repair.ask("POST", "/work-orders/1/notes", json={"note": "Call first"})
    contract.check("post", "/work-orders/{id}/notes", status, note)
    assert (note["is_internal"], note["author"]) == (True, {"id": 1, "name": "Owner 1"})

    status, read = await repair.ask("GET", "/work-orders/1")
    contract.check("get", "/work-orders/{id}", status, read)
    assert (read["lines"], read["notes"]) == ([made], [note])
    # One cent less than line by line: VAT is taken over the group.
    assert (read["total_excl"], read["total_vat"], read["total_incl"]) == (6.93, 1.46, 8.39)

    status, page = await repair.ask("GET", "/work-orders")
    contract.check("get", "/work-orders", status, page)
    assert page["data"] == [read]

    for path, expected in (("lines", [made]), ("notes", [note])):
        status, rows = await repair.ask("GET", f"/work-orders/1/{path}")
        contract.check("get", f"/work-orders/{{id}}/{path}", status, rows)
        assert rows == expected


async def test_line_walk(repair: Any, contracts: Any, order: dict[str, Any]) -> None:
    contract = contracts("repair")
    line = {"description": "Part", "unit_price": 10, "vat_rate": 9}
    await repair.ask("POST", "/work-orders/1/lines", json=line)
    status, changed = await repair.ask("PUT", "/work-orders/1/lines/1", json={"quantity": 2})
    contract.check("patch", "/work-orders/{id}/lines/{line_id}", status, changed)
    # A change applies no defaults: the rate stays what it was.
    assert (changed["quantity"], changed["vat_rate"], changed["line_total_incl"]) == (2, 9, 21.8)
    assert await repair.ask("DELETE", "/work-orders/1/lines/1") == (204, None)
    assert await repair.ask("GET", "/work-orders/1/lines") == (200, [])


async def test_lines_of_another_order_are_not_there(repair: Any, order: dict[str, Any]) -> None:
    await repair.ask("POST", "/work-orders", json=ORDER)
    line = {"description": "Part", "unit_price": 10}
    await repair.ask("POST", "/work-orders/1/lines", json=line)
    assert (await repair.ask("PATCH", "/work-orders/2/lines/1", json=line))[0] == 404
    assert (await repair.ask("DELETE", "/work-orders/2/lines/1"))[0] == 404
    assert len((await repair.ask("GET", "/work-orders/1/lines"))[1]) == 1


async def test_trail_tells_what_happened(
    repair: Any, contracts: Any, order: dict[str, Any]
) -> None:
    contract = contracts("repair")
    change = {"status": "in_repair", "priority": "high", "assigned_to": 1}
    status, changed = await repair.ask("PATCH", "/work-orders/1", json=change)
    contract.check("patch", "/work-orders/{id}", status, changed)
    assert changed["assigned_to"] == {"id": 1, "name": "Owner 1"}

    status, entry = await repair.ask("POST", "/v1/work-orders/1/timeline", json={"note": "Hm"})
    contract.check("post", "/v1/work-orders/{id}/timeline", status, entry)
    assert (entry["event"], entry["description"]) == ("note_added", "Hm")
    assert (await repair.ask("GET", "/work-orders/1/notes"))[1][0]["is_internal"] is True

    status, trail = await repair.ask("GET", "/v1/work-orders/1/timeline")
    contract.check("get", "/v1/work-orders/{id}/timeline", status, trail)
    assert trail["per_page"] == 15
    assert [(e["event"], e["description"]) for e in trail["data"]] == [
        ("note_added", "Hm"),
        ("engineer_assigned", "Assigned to Owner 1"),
        ("field_changed", "Priority changed from normal to high"),
        ("status_changed", "Status changed from New to In Repair"),
        ("created", "Work order WO-2026-0001 opened"),
    ]
    assert trail["data"][2]["changes"] == {"priority": {"old": "normal", "new": "high"}}
    _, only = await repair.ask("GET", "/v1/work-orders/1/timeline?event=created")
    assert only["total"] == 1


async def test_trail_takes_notes_at_its_other_address(repair: Any, order: dict[str, Any]) -> None:
    path = "/v1/work-orders/1/timeline/notes"
    status, entry = await repair.ask("POST", path, json={"note": "By the side door"})
    assert (status, entry["description"]) == (201, "By the side door")
    assert (await repair.ask("GET", path))[0] == 405


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("status=new", 1),
        ("status=completed", 0),
        ("customer_id=1", 1),
        ("customer_id=2", 0),
        ("assigned_to=1", 0),
        ("q=golf", 1),
        ("q=jansen", 1),
        ("q=wo-2026", 1),
        ("q=100%25", 0),
        ("q=_", 0),
    ],
)
async def test_filters_filter(repair: Any, order: dict[str, Any], query: str, count: int) -> None:
    status, page = await repair.ask("GET", f"/work-orders?{query}")
    assert (status, page["total"], len(page["data"])) == (200, count, count)


async def test_orders_need_a_customer_of_the_garage(repair: Any, contracts: Any) -> None:
    contract = contracts("repair")
    for body in ({}, {"customer_id": 7}, {"customer_id": None}, {"customer_id": "x"}):
        status, answer = await repair.ask("POST", "/work-orders", json=body)
        contract.check("post", "/work-orders", status, answer)
        assert (status, list(answer["errors"])) == (422, ["customer_id"])
    # None of the refusals used up a number.
    await repair.ask("POST", "/customers", json={"first_name": "Jan"})
    assert (await repair.ask("POST", "/work-orders", json=ORDER))[1]["ticket_no"].endswith("0001")


async def test_orders_are_opened_by_nobody_elses_people(
    repair: Any, customer: dict[str, Any]
) -> None:
    status, answer = await repair.ask("POST", "/work-orders", json=ORDER | {"assigned_to": 2})
    assert (status, answer["errors"]) == (
        422, {"assigned_to": ["The selected assigned_to is invalid."]},
    )  # fmt: skip


async def test_removed_customer_still_names_finished_orders(
    repair: Any, order: dict[str, Any]
) -> None:
    assert (await repair.ask("DELETE", "/customers/1"))[0] == 422
    await repair.ask("PATCH", "/work-orders/1", json={"status": "cancelled"})
    assert (await repair.ask("DELETE", "/customers/1"))[0] == 204
    assert (await repair.ask("GET", "/work-orders/1"))[1]["customer"]["name"] == "Jan Jansen"
