from __future__ import annotations

import pytest

from tests.gateway.partners import Provider
from tests.gateway.workshops import FOREIGN, MINE, SECOND, uuid_of

pytestmark = pytest.mark.slow


async def test_garages_are_those_of_the_provider(provider: Provider) -> None:
    listed = await provider.done("GET", "/customers?limit=1")
    assert (listed["total"], listed["query"]) == (2, {"limit": 1, "offset": 0})
    assert listed["result"][0]["company_name"] == "Garage Noord"
    shown = await provider.done("GET", "/customers/2")
    assert (shown["company_name"], shown["location_id"]) == ("Garage Zuid", 2)
    assert (await provider.done("GET", "/customers/locations/2"))["customer_id"] == 2
    for path in ("/customers/3", "/customers/locations/3"):
        await provider.refused("GET", path, status=404, code="customer.unknown")
        assert await provider.done("GET", path, token="far")


async def test_connectors_of_garages(provider: Provider) -> None:
    path = "/customers/connectors"
    listed = await provider.done("GET", path)
    assert [one["name"] for one in listed["result"]] == [MINE, SECOND, FOREIGN]
    assert listed["result"][0] == {
        "id": str(uuid_of(MINE)),
        "customer_id": 1,
        "name": MINE,
        "pin": None,
        "type": "physical",
        "hardware_version": 0,
        "software_version": 0,
    }
    for query, total in (
        (f"name={SECOND}", 1),
        ("customer_id=2", 1),
        ("assigned=true", 3),
        ("assigned=false", 0),
        ("type=virtual", 0),
        ("type[]=virtual&type[]=physical", 3),
        ("type=physical,virtual&customer_id=1", 2),
    ):
        assert (await provider.done("GET", f"{path}?{query}"))["total"] == total, query
    assert (await provider.done("GET", path, token="far"))["total"] == 0
    await provider.refused("GET", f"{path}?type=toy", status=400, code="parameter.invalid")
