from __future__ import annotations

import pytest

from gateway.storage.queries import tickets
from tests.gateway.callers import Json
from tests.gateway.operators import Floor
from tests.gateway.workshops import GOLF

pytestmark = pytest.mark.slow


def preparation(floor: Floor, **changes: object) -> Json:
    workshop = floor.workshop
    return {
        "customer_id": 1,
        "vin": GOLF,
        "vehicle_model_id": workshop.golf.model.id,
        "vehicle_model_variant_id": workshop.golf.id,
        "product_ids": [workshop.products["100203"]],
        **changes,
    }


async def test_a_ticket_is_prepared_for_a_garage(floor: Floor) -> None:
    made = await floor.done("POST", "/prepared-tickets", preparation(floor), status=201)
    assert (made["state"], made["connector_id"], made["vin"]) == ("prepared", None, GOLF)
    database = floor.workshop.database
    found = await database.read(tickets.prepared, 1, GOLF, offset=0, limit=5)
    assert [str(one.uuid) for one in found.items] == [made["uuid"]]


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"customer_id": 3}, 404, "tenant.unknown"),
        ({"customer_id": 99}, 404, "tenant.unknown"),
        ({"vin": "short"}, 400, "vehicle.vin_malformed"),
        ({"product_ids": []}, 400, "body.field"),
        ({"product_ids": [2**31]}, 400, "product.unknown"),
        ({"voucher_code": "NOPE"}, 400, "voucher.unknown"),
        ({"price": 1}, 400, "body.field"),
    ],
)
async def test_what_cannot_be_prepared_is_refused(
    floor: Floor, changes: dict[str, object], status: int, code: str
) -> None:
    body = preparation(floor, **changes)
    await floor.refused("POST", "/prepared-tickets", body, status=status, code=code)


async def test_no_token(floor: Floor) -> None:
    for method, path in (("POST", "/prepared-tickets"),):
        await floor.refused(method, path, status=401, code="token.missing", token=None)
