from __future__ import annotations

import pytest

from tests.gateway.partners import Provider
from tests.gateway.workshops import GOLF

pytestmark = pytest.mark.slow


async def test_tickets_are_prepared_and_taken_back(provider: Provider) -> None:
    golf = provider.workshop.golf
    body = {
        "customer_id": 1,
        "vin": GOLF,
        "vehicle_model_id": golf.model.id,
        "vehicle_model_variant_id": golf.id,
        "product_ids": [provider.workshop.products["100203"]],
        "preparer_external_reference": "quote 12",
    }
    path = "/tickets/prepared-tickets"
    made = await provider.done("POST", path, body, status=201)
    assert (made["state"], made["preparer_external_reference"]) == ("prepared", "quote 12")
    assert (made["customer_channel_id"], made["customer_connector_id"]) == (None, None)
    assert (await provider.done("GET", f"{path}?customer_id=1"))["total"] == 1
    changed = await provider.done(
        "PUT", f"{path}/{made['id']}", {"preparer_external_reference": None}
    )
    assert changed["preparer_external_reference"] is None
    await provider.refused(
        "POST", path, body | {"customer_id": 3}, status=404, code="tenant.unknown"
    )
    await provider.refused(
        "DELETE", f"{path}/{made['id']}", status=404, code="ticket.unknown", token="far"
    )
    await provider.done("DELETE", f"{path}/{made['id']}", status=204)
    await provider.refused("GET", f"{path}/{made['id']}", status=404, code="ticket.unknown")
