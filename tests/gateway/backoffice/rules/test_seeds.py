"""What every garage begins with comes once, and what was removed stays removed."""

from __future__ import annotations

from typing import Any

import trio

from gateway.backoffice.nouns.trade import TAX_RATE
from gateway.backoffice.rules.seeds import missing, plant
from gateway.backoffice.shop import Shop


async def test_rows_are_planted_once(repair: Any, in_shop: Any) -> None:
    def look(shop: Shop) -> bool:
        return missing(shop, TAX_RATE)

    assert await in_shop(look)
    answers: list[list[dict[str, Any]]] = []

    async def ask() -> None:
        answers.append((await repair.ask("GET", "/tax-rates"))[1])

    async with trio.open_nursery() as nursery:
        for _ in range(4):
            nursery.start_soon(ask)
    assert {tuple(rate["rate"] for rate in rates) for rates in answers} == {(0, 9, 21)}
    zero = answers[0][0]["id"]
    assert (await repair.ask("DELETE", f"/tax-rates/{zero}"))[0] == 204

    def again(shop: Shop) -> int:
        plant(shop, TAX_RATE)
        return shop.count("tax_rate")

    assert await in_shop(again) == 2


async def test_one_rate_is_the_default(repair: Any) -> None:
    rates = (await repair.ask("GET", "/tax-rates"))[1]
    assert [rate["is_default"] for rate in rates] == [False, False, True]
    assert (await repair.ask("POST", f"/tax-rates/{rates[1]['id']}/set-default"))[0] == 200
    rates = (await repair.ask("GET", "/tax-rates"))[1]
    assert [rate["is_default"] for rate in rates] == [False, True, False]
    await repair.ask("POST", "/products", json={"name": "P", "price_excl": 1, "vat_rate": 21})
    status, refused = await repair.ask("DELETE", f"/tax-rates/{rates[2]['id']}")
    assert (status, refused["message"]) == (422, "This rate is in use by 1 products.")
