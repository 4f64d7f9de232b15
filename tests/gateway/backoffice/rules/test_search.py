"""One box for four kinds: what goes first, and what stays away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gateway.backoffice.rules.search import MOST_HITS, search
from gateway.backoffice.shop import Shop
from tests.gateway.backoffice.conftest import FOREIGN

InShop = Callable[..., Any]

EVERYTHING = frozenset({"customers", "work_orders", "products", "invoices"})

NOTHING: dict[str, list[object]] = {name: [] for name in EVERYTHING}

pytestmark = pytest.mark.both_engines


def product(shop: Shop, sku: str, **values: object) -> int:
    return shop.insert("product", {"name": "Pad", "sku": sku, "price_excl": 1} | values)


async def test_the_number_itself_goes_before_what_fits_as_well(in_shop: InShop) -> None:
    def story(shop: Shop) -> None:
        exact = product(shop, "P-1")
        newer = product(shop, "Q-7", name="1 P")
        found = search(shop, " P-1 ", EVERYTHING)["products"]
        assert [row["id"] for row in found] == [exact, newer]

    await in_shop(story)


async def test_hits_are_bounded(in_shop: InShop) -> None:
    def story(shop: Shop) -> None:
        for number in range(MOST_HITS + 2):
            product(shop, f"P-{number}")
        found = search(shop, "P-1", EVERYTHING)["products"]
        assert found[0]["sku"] == "P-1"
        assert len({row["id"] for row in search(shop, "p", EVERYTHING)["products"]}) == MOST_HITS

    await in_shop(story)


async def test_a_number_finds_whoever_has_it_however_it_is_written(in_shop: InShop) -> None:
    def story(shop: Shop) -> None:
        one = shop.insert(
            "customer",
            {"client_number": 1, "first_name": "Jan", "last_name": "Vos", "company_name": None}
            | {"phone_e164": "+31612345678"},
        )
        assert search(shop, "06-12345678", EVERYTHING)["customers"] == [
            {"id": one, "name": "Jan Vos"}
        ]

    await in_shop(story)


async def test_kinds_that_are_not_asked_for_and_other_garages_stay_away(in_shop: InShop) -> None:
    def ours(shop: Shop) -> None:
        product(shop, "P1")
        assert search(shop, "pad", EVERYTHING - {"products"}) == NOTHING
        assert search(shop, "  ", EVERYTHING) == NOTHING
        (row,) = search(shop, "pad", frozenset({"products"}))["products"]
        assert set(row) == {"id", "name", "sku", "price_excl"}

    await in_shop(ours)
    for text in ("pad", "P1"):
        assert (await in_shop(search, text, EVERYTHING, tenant_id=FOREIGN))["products"] == []


async def test_what_was_removed_is_not_found_by_its_number(in_shop: InShop) -> None:
    def story(shop: Shop) -> None:
        shop.remove("product", product(shop, "P1"))
        assert search(shop, "P1", EVERYTHING)["products"] == []

    await in_shop(story)
