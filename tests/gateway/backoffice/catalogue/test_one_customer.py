"""One customer, seen through all three APIs, each in its own spelling."""

from __future__ import annotations

from typing import Any

import pytest

BODY = {
    "first_name": "Jan",
    "last_name": "Jansen",
    "email": "jan@example.test",
    "phone": "0612345678",
    "address": "Dorpstraat 12 A",
    "city": "Utrecht",
    "postal_code": "3511 AB",
    "vat_number": "NL123456789B01",
}


@pytest.fixture
async def customer(repair: Any) -> dict[str, Any]:
    made: dict[str, Any] = (await repair.ask("POST", "/customers", json=BODY))[1]
    return made


async def test_planner_sees_the_client(planner: Any, contracts: Any, customer: Any) -> None:
    contract = contracts("planner")
    status, page = await planner.ask("GET", "/client?search=jansen")
    contract.check("get", "/client", status, page)
    (client,) = page["data"]
    assert contract.absent("Client", client) == set()
    assert (client["client_number"], client["phone"]) == (1, "0612345678")
    assert (client["company_id"], client["created_at"]) == (1, "2026-03-02T09:30:00.000000Z")

    status, detail = await planner.ask("GET", "/client/1")
    contract.check("get", "/client/{id}", status, detail)
    assert detail["name"] == customer["name"]
    (address,) = detail["addresses"]
    assert [address[n] for n in ("street", "house_number", "house_number_addition")] == [
        "Dorpstraat", "12", "A",
    ]  # fmt: skip

    status, page = await planner.ask("GET", "/address?client_id=1")
    contract.check("get", "/address", status, page)
    assert page["data"] == [address]
    assert contract.absent("Address", address) == set()
    status, read = await planner.ask("GET", f"/address/{address['id']}")
    contract.check("get", "/address/{id}", status, read)
    assert read == address | {"client": client}


async def test_field_sales_sees_the_client(
    field_sales: Any, contracts: Any, customer: Any
) -> None:
    contract = contracts("field_sales")
    status, page = await field_sales.ask("GET", "/client?search=JAN&disabled=false")
    contract.check("get", "/client", status, page)
    (client,) = page["data"]
    assert set(client) <= set(contract.properties("ClientSchema"))
    assert client["_id"] == f"{customer['id']:024x}"
    assert (client["name"], client["client_code"]) == ("Jan Jansen", "1")
    assert (client["city"], client["zip"]) == ("Utrecht", "3511 AB")
    assert client["formatted_address"] == "Dorpstraat 12 A, 3511 AB Utrecht"
    assert client["tax_number"] == BODY["vat_number"]
    status, read = await field_sales.ask("GET", f"/client/{client['_id']}")
    contract.check("get", "/client/{id}", status, read)
    assert read == client


async def test_a_change_shows_everywhere(
    repair: Any, planner: Any, field_sales: Any, customer: Any
) -> None:
    await repair.ask("PATCH", "/customers/1", json={"last_name": "de Vries", "city": "Zwolle"})
    assert (await planner.ask("GET", "/client/1"))[1]["last_name"] == "de Vries"
    assert (await planner.ask("GET", "/address/1"))[1]["city"] == "Zwolle"
    key = f"{1:024x}"
    assert (await field_sales.ask("GET", f"/client/{key}"))[1]["name"] == "Jan de Vries"
    await repair.ask("DELETE", "/customers/1")
    assert (await planner.ask("GET", "/client/1"))[0] == 404
    assert (await field_sales.ask("GET", f"/client/{key}"))[0] == 404


async def test_incremental_sync(field_sales: Any, repair: Any, clock: Any, customer: Any) -> None:
    stamp = int(clock.now.timestamp() * 1000)
    clock.advance(60)
    await repair.ask("POST", "/customers", json={"first_name": "Piet"})
    for query, names in [
        (f"from_updatedAt={stamp}", ["Piet"]),
        (f"to_updatedAt={stamp + 1}", ["Jan Jansen"]),
        (f"from__id={1:024x}", ["Piet"]),
        (f"to__id={2:024x}", ["Jan Jansen"]),
        (f"_id={1:024x}&_id={2:024x}", ["Jan Jansen", "Piet"]),
        ("client_code=[2]", ["Piet"]),
        ("sort=updatedAt&sortPageOrder=dsc", ["Piet", "Jan Jansen"]),
    ]:
        page = (await field_sales.ask("GET", f"/client?{query}"))[1]
        assert [row["name"] for row in page["data"]] == names, query


async def test_bad_queries_are_refused_in_each_shape(planner: Any, field_sales: Any) -> None:
    status, body = await planner.ask("GET", "/client?client_number=x")
    assert (status, list(body["errors"])) == (422, ["client_number"])
    status, body = await field_sales.ask("GET", "/client?disabled=perhaps")
    assert (status, body["success"]) == (400, False)
