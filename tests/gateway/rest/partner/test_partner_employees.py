from __future__ import annotations

import pytest

from tests.gateway.partners import Provider

pytestmark = pytest.mark.slow

CONTACTS, PEOPLE = "/customers/contact-points", "/customers/employees"


async def test_people_are_looked_after(provider: Provider) -> None:
    contact = await provider.done(
        "POST", CONTACTS, {"customer_id": 1, "label": "Desk"}, status=201
    )
    body = {
        "customer_id": 1,
        "given_name": "Piet",
        "family_name": "Jansen",
        "username": "piet@garage.example",
        "contact_point_id": contact["id"],
    }
    made = await provider.done("POST", PEOPLE, body, status=201)
    assert (made["enabled"], made["correspondence_locale"]) == (True, "en")
    item = f"{PEOPLE}/{made['id']}"
    assert await provider.done("GET", item) == made
    assert made in (await provider.done("GET", f"{PEOPLE}?customer_id=1"))["result"]
    assert (await provider.done("GET", f"{PEOPLE}?customer_id=2"))["total"] == 0
    await provider.done("DELETE", f"{CONTACTS}/{contact['id']}", status=204)
    assert (await provider.done("GET", item))["contact_point_id"] is None
    changed = await provider.done("PUT", item, body | {"enabled": False, "contact_point_id": None})
    assert (changed["enabled"], changed["contact_point_id"]) == (False, None)
    await provider.refused("GET", item, status=404, code="employee.unknown", token="far")
    for sent, status, code in (
        (body, 400, "contact_point.unknown"),
        (body | {"customer_id": 3}, 404, "customer.unknown"),
        (body | {"contact_point_id": None, "username": "me"}, 400, "identity.email_malformed"),
    ):
        answer = await provider.call("POST", PEOPLE, sent)
        assert answer.status_code == status, code
    await provider.refused(
        "PUT", item, body | {"customer_id": 2}, status=400, code="employee.moved"
    )


async def test_nobody_is_me(provider: Provider) -> None:
    await provider.refused("GET", f"{PEOPLE}/me", status=404, code="employee.unknown")
