"""Where a client is: locations of field sales are addresses of the planner, and the other way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gateway.backoffice.rules.planner import items
from tests.gateway.backoffice.conftest import Door
from tests.gateway.backoffice.desk import Desk

pytestmark = pytest.mark.slow

PLACE = {"name": "Workshop", "address": "Dorpstraat 12 A", "city": "Utrecht"}


@pytest.fixture
def desk(field_sales: Door) -> Desk:
    return Desk(field_sales)


@pytest.fixture
async def client(desk: Desk) -> str:
    """The id of a client with an invoice address."""
    made = await desk.make("/client", name="Jansen", city="Zwolle", zip="8011 AA")
    return str(made["_id"])


async def addresses(planner: Door, client: str) -> list[dict[str, Any]]:
    status, page = await planner.ask("GET", f"/address?client_id={int(client, 16)}")
    assert status == 200, page
    return [address for address in page["data"] if address["type"] == "work"]


async def test_the_planner_goes_where_field_sales_says(
    desk: Desk, planner: Door, contracts: Any, client: str
) -> None:
    made = await desk.make("/client-location", 201, client=client, postal_code="3511ab", **PLACE)
    assert (made["location_type"], made["disabled"]) == ("office", False)
    (address,) = await addresses(planner, client)
    parts = ("street", "house_number", "house_number_addition", "zipcode", "city")
    assert [address[name] for name in parts] == ["Dorpstraat", "12", "A", "3511 AB", "Utrecht"]
    path = f"/address/{address['id']}"
    status, read = await planner.ask("GET", path)
    contracts("planner").check("get", "/address/{id}", status, read)

    spot = {"latitude": 52.09, "longitude": 5.12}
    here = f"/client-location/{made['_id']}"
    assert (await desk.change(here, coordinates=spot))["coordinates"] == spot
    assert (await addresses(planner, client))[0]["geocode_lat"] == "52.09"
    moved = await desk.change(here, address="Kade 1")
    assert (moved["address"], moved.get("coordinates")) == ("Kade 1", None)
    await planner.ask("DELETE", path)
    assert (await desk.door.ask("GET", here))[0] == 404


async def test_field_sales_sees_where_the_planner_goes(
    desk: Desk, planner: Door, in_shop: Callable[..., Any], client: str
) -> None:
    body = {
        "client_id": int(client, 16), "type": "work", "street": "Kade", "house_number": "1",
        "zipcode": "3511 AB", "city": "Utrecht",
    }  # fmt: skip
    status, address = await planner.ask("POST", "/address", json=body)
    assert status in {200, 201}, address
    # The invoice address is shown with the client, and is no location.
    (location,) = await desk.see(f"/client-location?client={client}&disabled=false")
    assert (location["name"], location["city"]) == ("Kade 1", "Utrecht")
    item = {"name": "Lift", "customer_id": int(client, 16), "address_id": address["id"]}
    await in_shop(items.create, item)
    path = f"/client-location/{location['_id']}"
    status, refused = await desk.door.ask("DELETE", path)
    assert (status, "Lift is at this address" in refused["error"]) == (422, True)
    ids = {"ids": [location["_id"]]}
    assert (await desk.door.ask("POST", "/client-location/remove", json=ids))[0] == 422


async def test_who_owes_is_not_removed(desk: Desk, repair: Door, client: str) -> None:
    product = (await desk.product())["_id"]
    invoice = await desk.make(
        "/fullinvoices", client=client, items=[{"product": product, "quantity": 1}]
    )
    assert (await desk.door.ask("DELETE", f"/client/{client}"))[0] == 422
    status, answer = await repair.ask("DELETE", f"/customers/{int(client, 16)}")
    assert (status, "10.00 is still owed" in str(answer)) == (422, True)
    await desk.change(f"/fullinvoices/{invoice['_id']}", status="void")
    assert (await desk.door.ask("DELETE", f"/client/{client}"))[0] == 200
