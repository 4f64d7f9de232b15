from __future__ import annotations

from uuid import UUID

import pytest

from tests.gateway.partners import Provider

pytestmark = pytest.mark.slow

CONTACTS = "/customers/contact-points"


async def test_contact_points_come_and_go(provider: Provider) -> None:
    body = {"customer_id": 1, "label": "Front desk", "email_address": "Desk@garage.example"}
    made = await provider.done("POST", CONTACTS, body, status=201)
    assert (made["label"], made["phone_number"], made["location_id"]) == ("Front desk", None, 1)
    item = f"{CONTACTS}/{made['id']}"
    assert await provider.done("GET", item) == made
    changed = await provider.done("PUT", item, body | {"phone_number": "+31 10 1234567"})
    assert changed["phone_number"] == "+31 10 1234567"
    for query, total in (("customer_id=1", 1), ("location_id=2", 0), ("", 1)):
        assert (await provider.done("GET", f"{CONTACTS}?{query}"))["total"] == total
    nobody = await provider.done("GET", f"{CONTACTS}?customer_id=1&location_id=2")
    assert nobody["total"] == 0
    for method, sent in (("GET", None), ("PUT", body), ("DELETE", None)):
        await provider.refused(
            method, item, sent, status=404, code="contact_point.unknown", token="far"
        )
    await provider.refused(
        "PUT", item, body | {"customer_id": 2}, status=400, code="contact_point.moved"
    )
    await provider.refused(
        "POST", CONTACTS, body | {"customer_id": 3}, status=404, code="customer.unknown"
    )
    bad = await provider.call("POST", CONTACTS, body | {"email_address": "nowhere"})
    assert (bad.status_code, (await bad.get_json())["field"]) == (400, "email_address")
    await provider.done("DELETE", item, status=204)
    await provider.refused("GET", item, status=404, code="contact_point.unknown")


@pytest.mark.parametrize("name", [UUID(int=7), "x"])
async def test_what_is_not_there(provider: Provider, name: object) -> None:
    await provider.refused("GET", f"{CONTACTS}/{name}", status=404, code="contact_point.unknown")
