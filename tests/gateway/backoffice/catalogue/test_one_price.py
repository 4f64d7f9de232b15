"""One price for a customer and a product, whichever API asks."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gateway.backoffice.conftest import Door
from tests.gateway.backoffice.desk import Desk

pytestmark = pytest.mark.slow


@pytest.fixture
def desk(field_sales: Door) -> Desk:
    return Desk(field_sales)


class Shopping:
    """A product that a customer may buy at either desk."""

    def __init__(self, desk: Desk, repair: Door, product: str, client: str) -> None:
        self.desk, self.repair = desk, repair
        self.product, self.client = product, client

    @property
    def numbers(self) -> dict[str, int]:
        return {"customer_id": int(self.client, 16), "service_id": int(self.product, 16)}

    async def prices(self) -> tuple[float, float]:
        """Return what field sales charges and what the workshop's desk recommends."""
        items = [{"product": self.product, "quantity": 1}]
        invoice = await self.desk.make("/fullinvoices", client=self.client, items=items)
        asked = {name: str(value) for name, value in self.numbers.items()}
        status, answer = await self.repair.ask("GET", "/pricing/check", query_string=asked)
        assert status == 200, answer
        return invoice["items"][0]["price"], float(answer["recommended_price"])


@pytest.fixture
async def shopping(desk: Desk, repair: Door) -> Shopping:
    product = (await desk.product())["_id"]
    client = (await desk.make("/client", name="Garage Jansen"))["_id"]
    return Shopping(desk, repair, product, client)


async def change(door: Door, path: str, **body: Any) -> None:
    assert (await door.ask("PATCH", path, json=body))[0] == 200


async def test_an_agreement_goes_before_the_list_and_the_list_before_the_discount(
    shopping: Shopping,
) -> None:
    desk, repair, numbers = shopping.desk, shopping.repair, shopping.numbers
    assert await shopping.prices() == (10, 10)
    await change(repair, f"/customers/{numbers['customer_id']}", business_discount_pct=20)
    assert await shopping.prices() == (8, 8)

    prices = (await desk.make("/pricelist", name="Friends"))["_id"]
    variant = (await desk.see(f"/variant?product={shopping.product}"))[0]["_id"]
    key = {"pricelist_id": prices, "product_id": shopping.product, "variant_id": variant}
    item = await desk.make("/pricelistitem", 201, **key, price=7)
    await desk.change(f"/client/{shopping.client}", sv_priceList=prices)
    assert await shopping.prices() == (7, 7)

    agreed = numbers | {"agreed_price": 6.5, "valid_from": "2026-01-01"}
    status, agreement = await repair.ask("POST", "/pricing/agreements", json=agreed)
    assert status == 201, agreement
    assert await shopping.prices() == (7, 7)  # a draft
    path = f"/pricing/agreements/{agreement['id']}/activate"
    assert (await repair.ask("POST", path))[0] == 200
    assert await shopping.prices() == (6.5, 6.5)
    other = await desk.make("/client", name="Somebody else")
    shopping.client = other["_id"]
    assert await shopping.prices() == (10, 10)

    await desk.change(f"/client/{shopping.client}", sv_priceList=prices)
    for path, id_ in (("/pricelistitem", item["_id"]), ("/pricelist", prices)):
        await desk.change(f"{path}/{id_}", disabled=True)
        assert await shopping.prices() == (10, 10)
        await desk.change(f"{path}/{id_}", disabled=False)
        assert await shopping.prices() == (7, 7)


async def test_a_new_price_of_either_desk_is_that_of_both(shopping: Shopping) -> None:
    product = shopping.numbers["service_id"]
    await change(shopping.repair, f"/products/{product}", price_excl=12)
    assert await shopping.prices() == (12, 12)
    await shopping.desk.change(f"/product/{shopping.product}", base_price="13.00")
    assert await shopping.prices() == (13, 13)
    # A variant with a price of its own keeps that.
    (variant,) = await shopping.desk.see(f"/variant?product={shopping.product}")
    await shopping.desk.change(f"/variant/{variant['_id']}", price=9)
    await change(shopping.repair, f"/products/{product}", price_excl=14)
    assert await shopping.prices() == (9, 14)


async def test_a_product_is_taxed_alike_at_both_desks(desk: Desk, repair: Door) -> None:
    body = {"name": "Wiper", "price_excl": 10, "vat_rate": 9}
    status, made = await repair.ask("POST", "/products", json=body)
    assert status == 201, made
    product = f"{made['id']:024x}"

    async def sold() -> float:
        items = [{"product": product, "quantity": 1}]
        return float((await desk.make("/fullinvoices", items=items))["total"])

    assert await sold() == 10.9
    await change(repair, f"/products/{made['id']}", vat_rate=21)
    assert await sold() == 12.1
    # A tax of field sales is a rate of the workshop, and the other way round.
    tax = await desk.make("/tax", name="Luxury", rate=30, type="additive")
    await desk.change(f"/product/{product}", sv_tax=tax["_id"])
    assert await sold() == 13
    assert (await repair.ask("GET", f"/products/{made['id']}"))[1]["vat_rate"] == 30
    rates = (await repair.ask("GET", "/tax-rates"))[1]
    rows = rates["data"] if isinstance(rates, dict) else rates
    assert "Luxury" in {rate["name"] for rate in rows}
