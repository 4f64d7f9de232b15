"""Repair: customers, held to the contract."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
async def customer(repair: Any) -> dict[str, Any]:
    body = {
        "first_name": "Jan",
        "last_name": "Jansen",
        "email": "jan@example.test",
        "phone": "0612345678",
        "address": "Dorpstraat 12 A",
        "city": "Utrecht",
        "postal_code": "3511 AB",
    }
    status, made = await repair.ask("POST", "/customers", json=body)
    assert status == 201
    return dict(made)


async def test_customer_walk(repair: Any, contracts: Any, customer: dict[str, Any]) -> None:
    contract = contracts("repair")
    contract.check("post", "/customers", 201, customer)
    assert contract.absent("Customer", customer) == set()
    assert customer["name"] == "Jan Jansen"
    assert customer["address"] == "Dorpstraat 12 A"

    status, page = await repair.ask("GET", "/customers?q=JANSEN")
    contract.check("get", "/customers", status, page)
    assert page == {
        "data": [customer], "current_page": 1, "last_page": 1, "per_page": 50, "total": 1,
    }  # fmt: skip

    status, changed = await repair.ask("PATCH", "/customers/1", json={"city": "Zeist"})
    contract.check("patch", "/customers/{id}", status, changed)
    assert changed == customer | {"city": "Zeist"}

    status, read = await repair.ask("GET", "/customers/1")
    contract.check("get", "/customers/{id}", status, read)
    assert read == changed

    assert await repair.ask("DELETE", "/customers/1") == (204, None)
    status, gone = await repair.ask("GET", "/customers/1")
    contract.check("get", "/customers/{id}", status, gone)
    assert status == 404
    assert (await repair.ask("GET", "/customers"))[1]["total"] == 0


@pytest.mark.parametrize(
    ("query", "count"),
    [("q=jan%40example", 1), ("q=0612", 1), ("q=piet", 0), ("company_id=1", 1)],
)
async def test_filters_find_customers(
    repair: Any, customer: dict[str, Any], query: str, count: int
) -> None:
    assert (await repair.ask("GET", f"/customers?{query}"))[1]["total"] == count


async def test_only_the_first_name_is_required(repair: Any, contracts: Any) -> None:
    status, made = await repair.ask("POST", "/customers", json={"first_name": "Jan"})
    contracts("repair").check("post", "/customers", status, made)
    assert (status, made["address"], made["name"]) == (201, None, "Jan")
    status, refused = await repair.ask("POST", "/customers", json={"last_name": "Jansen"})
    contracts("repair").check("post", "/customers", status, refused)
    assert (status, refused["errors"]) == (
        422,
        {"first_name": ["The first_name field is required."]},
    )
