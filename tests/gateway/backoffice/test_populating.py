"""References shown as documents."""

from __future__ import annotations

from typing import Any

from gateway.backoffice.catalogue.field_sales.prices import MEASURE_UNIT_FAMILY
from gateway.backoffice.catalogue.field_sales.products import PRODUCT_SUBCATEGORY
from gateway.backoffice.populating import populate
from gateway.backoffice.shop import Shop


async def test_lists_of_references_are_shown_beside(in_shop: Any) -> None:
    def show(shop: Shop) -> list[dict[str, object]]:
        unit = shop.insert("measure_unit", {"name": "Box", "factor": 12})
        keys = [f"{unit:024x}", f"{unit + 1:024x}"]
        documents: list[dict[str, object]] = [{"measureunits": keys}, {"name": "none"}]
        return populate(shop, MEASURE_UNIT_FAMILY, ["measureunits"], documents)

    shown, other = await in_shop(show)
    box, gone = shown["measureunits_populated"]
    assert (box["name"], gone) == ("Box", shown["measureunits"][1])
    assert other == {"name": "none"}


async def test_one_reference_is_shown_under_both_of_its_names(in_shop: Any) -> None:
    def show(shop: Shop) -> list[dict[str, object]]:
        key = f"{shop.insert('goods_category', {'name': 'Oil'}):024x}"
        names = ["parent_id", "parent_id"]
        return populate(shop, PRODUCT_SUBCATEGORY, names, [{"parent_id": key}])

    (shown,) = await in_shop(show)
    assert shown["parent_id"]["name"] == "Oil"
