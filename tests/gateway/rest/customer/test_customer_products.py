from __future__ import annotations

from decimal import Decimal

import pytest

from tests.gateway.portals import Json, Portal
from tests.gateway.workshops import find_variant


def vehicle(portal: Portal) -> str:
    golf = portal.workshop.golf
    return f"vehicle_model_id={golf.model.id}&vehicle_model_variant_id={golf.id}"


async def products(portal: Portal, query: str = "") -> list[Json]:
    page = await portal.get(f"/v1/products?{vehicle(portal)}{query}", "ProductPage")
    found: list[Json] = page["result"]
    return found


async def test_products_that_fit_with_their_prices(portal: Portal) -> None:
    found = {one["item_number"]: one for one in await products(portal)}
    assert "100305" in found  # component protection: this maker's
    assert "100507" not in found  # SCN coding: another maker's
    camera = found["100101"]
    assert camera["gross_price"] == {
        "currency": "EUR",
        "value": 129.00,
        "localized_value": None,
        "localized_currency": None,
    }
    assert camera["original_equipment_service_fee"]["value"] == 19
    assert camera["total_discount"]["price"]["value"] == 0
    assert camera["price"]["contains_discount"] is False
    reading = found["100201"]
    assert reading["total_discount"]["percentage"] == 10
    assert (reading["price"]["price_original"], reading["price"]["price_final"]) == (29, 26.1)
    assert reading["original_equipment_service_fee"] is None
    assert reading["is_unattended"]
    angle = found["100804"]["total_discount"]
    assert (angle["type"], angle["price"]["value"]) == ("absolute", 5)


async def test_amounts_are_written_digit_by_digit(portal: Portal) -> None:
    answer = await portal.call("GET", f"/v1/products?{vehicle(portal)}")
    assert b'"value":129.00' in await answer.get_data()


async def test_a_variant_may_have_products_of_its_own(portal: Portal) -> None:
    assert "100403" not in {one["item_number"] for one in await products(portal)}
    electric = await portal.workshop.database.read(
        find_variant, "Volkswagen", "Golf VII", "e-Golf"
    )
    query = f"vehicle_model_id={electric.model.id}&vehicle_model_variant_id={electric.id}"
    page = await portal.get(f"/v1/products?{query}", "ProductPage")
    assert "100403" in {one["item_number"] for one in page["result"]}


async def test_groups_narrow_products(portal: Portal) -> None:
    page = await portal.get(f"/v1/product-groups?{vehicle(portal)}", "ProductGroupPage")
    assert len(page["result"]) >= 8
    assert page["result"][0]["name"] == "ADAS calibration"
    group_id = page["result"][0]["id"]
    found = await products(portal, f"&product_group_id={group_id}")
    assert {one["item_number"][:4] for one in found} == {"1001"}


async def test_bundles_hold_blocks_of_products_on_offer(portal: Portal) -> None:
    page = await portal.get(f"/v1/product-bundles?{vehicle(portal)}", "ProductBundlePage")
    bundle = next(one for one in page["result"] if one["name"] == "Windscreen replacement")
    ids = portal.workshop.products
    assert bundle["blocks"] == [
        {"optional": False, "product_ids": [ids["100201"]]},
        {"optional": False, "product_ids": [ids["100101"]]},
        {"optional": True, "product_ids": [ids["100102"]]},
    ]
    found = await products(portal, f"&product_bundle_id={bundle['id']}")
    assert {one["item_number"] for one in found} == {"100201", "100101", "100102"}
    narrowed = await portal.get(
        f"/v1/product-bundles?{vehicle(portal)}&product_group_id={bundle['product_group_id']}",
        "ProductBundlePage",
    )
    assert 0 < narrowed["total"] < page["total"]


async def test_a_group_and_a_bundle_exclude_each_other(portal: Portal) -> None:
    query = "product_group_id=1&product_bundle_id=e51c66a6-096b-412c-bd94-8c04ded544d5"
    problem = await portal.refused("GET", f"/v1/products?{vehicle(portal)}&{query}", 400)
    assert problem["code"] == "product.group_and_bundle"


@pytest.mark.parametrize(
    "path", ["product-groups", "product-bundles", "products", "product-prerequisites"]
)
async def test_every_list_needs_a_vehicle(portal: Portal, path: str) -> None:
    golf = portal.workshop.golf
    suffix = "&product_id=1"
    for query, field in (
        ("", "vehicle_model_id"),
        (f"vehicle_model_id={golf.model.id}", "vehicle_model_variant_id"),
        ("vehicle_model_id=x&vehicle_model_variant_id=1", "vehicle_model_id"),
        (f"vehicle_model_id=1&vehicle_model_variant_id={golf.id}", "vehicle_model_variant_id"),
        ("vehicle_model_id=1&vehicle_model_variant_id=999999", "vehicle_model_variant_id"),
    ):
        problem = await portal.refused("GET", f"/v1/{path}?{query}{suffix}", 400)
        assert problem["field"] == field
    await portal.refused("GET", f"/v1/{path}?{vehicle(portal)}{suffix}", 401, token="forged")


async def test_prerequisites_of_several_products_once_each(portal: Portal) -> None:
    ids = portal.workshop.products
    wanted = f"{ids['100301']},{ids['100502']}"
    page = await portal.get(
        f"/v1/product-prerequisites?{vehicle(portal)}&product_id={wanted}",
        "ProductPrerequisitePage",
    )
    asked = {one["name"]: one for one in page["result"]}
    assert set(asked) == {"Power supply", "Keys present", "Part number"}
    assert [one["value"] for one in asked["Keys present"]["options"]] == ["1", "2", "3", "4"]
    assert (asked["Power supply"]["type"], asked["Power supply"]["options"]) == ("boolean", [])


@pytest.mark.parametrize("ids", ["", "x", "1,,2", "999999"])
async def test_prerequisites_need_known_products(portal: Portal, ids: str) -> None:
    path = f"/v1/product-prerequisites?{vehicle(portal)}&product_id={ids}"
    assert (await portal.refused("GET", path, 400))["field"] == "product_id"


async def test_favourites_are_the_garages_own(portal: Portal) -> None:
    product_id = portal.workshop.products["100301"]
    shown = next(one for one in await products(portal) if one["id"] == product_id)
    for _ in range(2):  # marking twice is fine
        answer = await portal.call("POST", "/v1/favorite-products", json=shown)
        assert (answer.status_code, await answer.get_json()) == (201, None)
    for flag in ("true", "1"):
        found = await products(portal, f"&is_favorite={flag}")
        assert [one["id"] for one in found] == [product_id]
        assert found[0]["is_favorite"]
    others = await products(portal, "&is_favorite=0")
    assert product_id not in {one["id"] for one in others}
    neighbours = await portal.get(
        f"/v1/products?{vehicle(portal)}&is_favorite=1", "ProductPage", token="next"
    )
    assert neighbours["total"] == 0
    await portal.refused("DELETE", f"/v1/favorite-products/{product_id}", 404, token="next")
    answer = await portal.call("DELETE", f"/v1/favorite-products/{product_id}")
    assert answer.status_code == 204
    await portal.refused("DELETE", f"/v1/favorite-products/{product_id}", 404)


async def test_favourites_have_to_exist(portal: Portal) -> None:
    body: Json
    for body in ({"id": 999_999}, {"id": "x"}, {}, [], {"id": -1}):
        await portal.refused("POST", "/v1/favorite-products", 400, json=body)
    await portal.refused("DELETE", "/v1/favorite-products/x", 400)


async def test_prices_follow_the_day(portal: Portal) -> None:
    before = next(one for one in await products(portal) if one["item_number"] == "100601")
    assert Decimal(str(before["net_price"]["value"])) == Decimal("149.0")
    portal.clock.now = portal.clock.now.replace(year=2024, month=5)
    then = next(one for one in await products(portal) if one["item_number"] == "100601")
    assert then["total_discount"]["percentage"] == 20
    portal.clock.now = portal.clock.now.replace(year=2023)
    assert await products(portal) == []
