"""Clients and addresses through the planner's door, and what the other doors see of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.backoffice.rules.planner import appointments, clients
from gateway.backoffice.shop import Shop
from gateway.domain.errors import Invalid
from tests.gateway.backoffice.rules.planner.conftest import PLACE


async def test_a_client_comes_with_addresses_and_people(planner: Any, repair: Any) -> None:
    body = {
        "last_name": "Jansen",
        "mobile_phone": "0612345678",
        "address": {"invoice": PLACE | {"country_id": "157"}, "work": PLACE, "0": {}},
        "contactPerson": [{"first_name": "Piet", "last_name": "Smit", "role": "caretaker"}],
    }
    status, client = await planner.ask("POST", "/client", json=body)
    assert status == 200, client
    assert client["client_number"] == 1
    assert (client["add_contact_person"], client["work_address_same_as_invoice_address"]) == (1, 0)
    assert "mobile_phone" not in client
    assert [address["type"] for address in client["addresses"]] == ["invoice", "work"]
    assert {address["zipcode"] for address in client["addresses"]} == {"3511 AB"}
    (person,) = client["contact_persons"]
    assert (person["name"], person["details"]["role"]) == ("Piet Smit", "caretaker")
    shown = (await repair.ask("GET", f"/customers/{client['id']}"))[1]
    assert (shown["name"], shown["city"]) == ("Jansen", "Utrecht")
    page = (await planner.ask("GET", "/client?search=3511"))[1]
    assert [row["id"] for row in page["data"]] == [client["id"]]


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"first_name": "Jan"}, ["last_name"]),
        (
            {"last_name": "J", "address": {"work": {"street": "Laan"}}},
            ["address.work.house_number", "address.work.zipcode", "address.work.city"],
        ),
        (
            {"last_name": "J", "address": {"work": {"country_id": "x"}}},
            ["address.work.country_id"],
        ),
        ({"last_name": "J", "client_number": 1}, ["client_number"]),
        ({"last_name": "J", "email": "nobody"}, ["email"]),
    ],
)
async def test_what_a_client_must_have(planner: Any, body: Any, fields: list[str]) -> None:
    await planner.ask("POST", "/client", json={"last_name": "First"})
    status, answer = await planner.ask("POST", "/client", json=body)
    assert (status, list(answer["errors"])) == (422, fields)
    assert len((await planner.ask("GET", "/client"))[1]["data"]) == 1  # all or nothing


async def test_one_invoice_address_and_other_coordinates(planner: Any) -> None:
    client = (await planner.ask("POST", "/client", json={"last_name": "J"}))[1]["id"]
    body = PLACE | {"client_id": client, "type": "invoice", "geocode_lat": "52.1"}
    body |= {"geocode_lng": "5.1"}
    status, address = await planner.ask("POST", "/address", json=body)
    assert (status, address["zipcode"], address["geocode_lat"]) == (200, "3511 AB", "52.1")
    assert (await planner.ask("POST", "/address", json=body))[0] == 422
    path = f"/address/{address['id']}"
    same = (await planner.ask("PUT", path, json={"street": "Dorpstraat"}))[1]
    assert same["geocode_lat"] == "52.1"
    moved = (await planner.ask("PATCH", path, json={"house_number": "3"}))[1]
    assert (moved["geocode_lat"], moved["geocode_lng"]) == (None, None)
    foreign = PLACE | {"client_id": client, "type": "work", "zipcode": "9000", "country_id": 21}
    assert (await planner.ask("POST", "/address", json=foreign))[1]["zipcode"] == "9000"


def test_what_keeps_clients_and_addresses(at_client: Any) -> None:
    def rule(shop: Shop, visit: Any) -> None:
        begin = datetime(2026, 3, 9, 8, tzinfo=UTC)
        made = appointments.create(shop, visit.values(time_from=begin))
        address = shop.get("address", visit.address)
        with pytest.raises(Invalid, match="Boiler"):
            clients.remove_address(shop, address)
        shop.remove("item", visit.item)
        with pytest.raises(Invalid, match="appointment"):
            clients.remove_address(shop, address)
        with pytest.raises(Invalid, match="appointment"):
            clients.remove(shop, shop.get("customer", visit.client))
        appointments.cancel(shop, shop.get("appointment", made))
        clients.remove_address(shop, address)

    at_client(rule)


def test_what_was_not_planned_goes_with_the_client(at_client: Any) -> None:
    def rule(shop: Shop, visit: Any) -> None:
        made = appointments.create(shop, visit.values())
        clients.remove(shop, shop.get("customer", visit.client))
        assert shop.find("appointment", id=made) is None
        assert shop.find("item", id=visit.item) is None
        gone = shop.find_ever("appointment", id=made)
        assert gone is not None
        assert appointments.status_of(gone) == "canceled"

    at_client(rule)
