from __future__ import annotations

import pytest

from tests.gateway.portals import Json, Portal, conforms


def body(portal: Portal, *item_numbers: str, **changes: object) -> dict[str, Json]:
    golf = portal.workshop.golf
    return {
        "vehicle_model_id": golf.model.id,
        "vehicle_model_variant_id": golf.id,
        "product_ids": [portal.workshop.products[number] for number in item_numbers],
        **changes,
    }


async def price(portal: Portal, document: Json) -> Json:
    answer = await portal.call("POST", "/v1/cart/calculate-prices", json=document)
    assert answer.status_code == 200, await answer.get_data()
    cart = await answer.get_json()
    conforms(cart, "Cart")
    return cart


async def test_a_cart_with_fee_and_discount(portal: Portal) -> None:
    cart = await price(portal, body(portal, "100101", "100201", vin="WVWZZZAUZHP341562"))
    assert cart["needs_confirmation_for_unattended_service"]
    assert (cart["voucher"], cart["voucher_discount"], cart["voucher_sub_total"]) == (None,) * 3
    assert cart["sub_total"]["gross_price"]["value"] == 158
    assert cart["sub_total"]["net_price"]["value"] == 155.1
    assert cart["original_equipment_service_fee"]["net_price"]["value"] == 19
    assert cart["total"]["net_price"]["value"] == 174.1
    assert cart["total"]["total_discount"]["price"]["value"] == 2.9
    assert [item["net_price"]["value"] for item in cart["items"]] == [129, 26.1]
    assert cart["items"][1]["original_equipment_service_fee"] is None


async def test_a_cart_with_a_voucher(portal: Portal) -> None:
    cart = await price(portal, body(portal, "100301", voucher=" welcome ", vin=None))
    assert cart["voucher"] == "WELCOME"
    assert cart["voucher_discount"]["type"] == "percentual"
    assert cart["voucher_discount"]["price"]["value"] == 11.9
    assert cart["voucher_sub_total"]["net_price"]["value"] == 107.1
    assert cart["total"]["net_price"]["value"] == 126.1
    assert not cart["needs_confirmation_for_unattended_service"]


async def test_numbers_as_text_and_nested_ids(portal: Portal) -> None:
    plain = body(portal, "100301", "100203")
    spelled = {
        "vehicle_model_id": str(plain["vehicle_model_id"]),
        "vehicle_model_variant_id": str(plain["vehicle_model_variant_id"]),
        "product_ids": [[str(one) for one in plain["product_ids"]]],
        "voucher": "",
    }
    assert await price(portal, spelled) == await price(portal, plain)


async def test_an_empty_cart_costs_nothing(portal: Portal) -> None:
    cart = await price(portal, body(portal))
    assert (cart["items"], cart["total"]["net_price"]["value"]) == ([], 0)
    assert cart["original_equipment_service_fee"] is None


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"voucher": "NOPE"}, "voucher"),
        ({"voucher": "SPRING24"}, "voucher"),
        ({"voucher": 7}, "voucher"),
        ({"vin": "WVWZZZAUZHP34156"}, "vin"),
        ({"vehicle_model_id": "golf"}, "vehicle_model_id"),
        ({"vehicle_model_id": None}, "vehicle_model_id"),
        ({"vehicle_model_variant_id": 999_999}, "vehicle_model_variant_id"),
        ({"product_ids": [999_999]}, "product_ids"),
        ({"product_ids": [1] * 300}, "product_ids"),
        ({"product_ids": 1}, "product_ids"),
        ({"prepared_ticket_id": "x"}, "prepared_ticket_id"),
    ],
)
async def test_wrong_carts_name_the_field(
    portal: Portal, changes: dict[str, object], field: str
) -> None:
    document = body(portal, "100301", **changes)
    problem = await portal.refused("POST", "/v1/cart/calculate-prices", 400, json=document)
    assert problem["field"] == field


async def test_what_does_not_fit_is_named(portal: Portal) -> None:
    document = body(portal, "100507")
    problem = await portal.refused("POST", "/v1/cart/calculate-prices", 400, json=document)
    assert problem["code"] == "product.does_not_fit"
    assert "Volkswagen Golf" in problem["detail"]


async def test_no_token_no_price(portal: Portal) -> None:
    await portal.refused(
        "POST", "/v1/cart/calculate-prices", 401, token=None, json=body(portal, "100301")
    )
