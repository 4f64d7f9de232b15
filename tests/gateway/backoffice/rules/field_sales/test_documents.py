"""What invoices take over and bring about: offers, modifiers, lists of what must be sold."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gateway.backoffice.desk import Desk

pytestmark = pytest.mark.slow

DAY = 24 * 3600.0


async def test_an_offer_becomes_an_invoice_once(desk: Desk, clock: Any) -> None:
    client = (await desk.make("/client", name="Jansen"))["_id"]
    product = (await desk.product())["_id"]
    lines = [{"product": product, "quantity": 3, "price": 8}]
    offer = await desk.make("/proforma", client=client, items=lines)
    path = f"/proforma/{offer['_id']}"
    await desk.change(path, 422, status="converted")
    named = {"proforma_reference": offer["_id"]}
    invoice = await desk.make("/fullinvoices", 201, **named)
    assert [invoice[n] for n in ("client", "total", "proforma_reference")] == [
        client, 24, offer["_id"],
    ]  # fmt: skip
    shown = await desk.see(path)
    assert (shown["status"], shown["converted_at"]) == ("converted", "2026-03-02T09:30:00Z")
    await desk.make("/fullinvoices", 422, **named)
    await desk.change(path, 422, items=lines)
    await desk.change(path, serial=shown["serial"])  # nothing changes
    await desk.change(f"/fullinvoices/{invoice['_id']}", status="void")
    assert (await desk.see(path))["status"] == "approved"
    await desk.make("/fullinvoices", 201, **named)

    rejected = await desk.make("/proforma", client=client, items=lines, status="rejected")
    until = "2026-03-03T00:00:00Z"
    old = await desk.make("/proforma", client=client, items=lines, validUntil=until)
    clock.advance(2 * DAY)
    for one in (rejected, old):
        await desk.make("/fullinvoices", 422, proforma_reference=one["_id"])


async def test_modifiers_are_chosen_and_paid(desk: Desk) -> None:
    size = await desk.make(
        "/product-modifiers-group", name="Size", is_required=True,
        modifiers=[{"name": "Small"}, {"name": "Large", "price_adjustment": 1.5}],
    )  # fmt: skip
    more = await desk.make(
        "/product-modifiers-group", name="Extras", max_selection=2,
        modifiers=[{"_id": str(n), "name": str(n), "price_adjustment": n} for n in (1, 2, 3)],
    )  # fmt: skip
    large = next(one["_id"] for one in size["modifiers"] if one["name"] == "Large")
    product = await desk.product(modifiers_group=[size["_id"], more["_id"]])

    async def total(expected: int, *chosen: Any) -> Any:
        line = {"product": product["_id"], "quantity": 2, "price": 10, "modifiers": chosen}
        status, answer = await desk.door.ask("POST", "/fullinvoices", json={"items": [line]})
        assert status == expected, answer
        return answer["data"]["total"] if status == 201 else answer["error"]

    assert await total(201, large) == 23
    assert await total(201, {"_id": large}, "1", {"modifier": "2"}) == 29
    assert "Size" in await total(400)
    assert "Extras" in await total(400, large, "1", "2", "3")
    assert "not offered" in await total(400, large, "9")
    assert "once" in await total(400, large, large)
    assert "ids" in await total(400, 7)
    status, _ = await desk.door.ask(
        "PATCH", f"/product-modifiers-group/{size['_id']}", json={"disabled": True}
    )
    assert status == 200
    assert await total(201) == 20
    # What an offer holds already is not charged twice.
    line = {"product": product["_id"], "price": 10, "modifiers": ["3"]}
    offer = await desk.make("/proforma", items=[line])
    invoice = await desk.make("/fullinvoices", proforma_reference=offer["_id"])
    assert offer["total"] == invoice["total"] == 13


async def test_lists_count_what_was_sold(desk: Desk, clock: Any) -> None:
    client = (await desk.make("/client", name="Jansen"))["_id"]
    product = (await desk.product())["_id"]

    async def sell(quantity: int, **more: Any) -> str:
        line = {"product": product, "quantity": quantity}
        made = await desk.make("/fullinvoices", client=client, items=[line], **more)
        return f"/fullinvoices/{made['_id']}"

    async def achieved(path: str) -> int:
        return int((await desk.see(path))["achievedQuantity"])

    await sell(2)
    days = {"startDate": "2026-03-01T00:00:00Z", "endDate": "2026-03-31T00:00:00Z"}
    own = await desk.make("/msl", name="March", client=client, **dict[str, Any](days))
    made = await desk.make("/msl-products", msl=own["_id"], product=product, targetQuantity=10)
    path = f"/msl-products/{made['_id']}"
    assert made["achievedQuantity"] == 2  # sold before it joined
    sold = await sell(5)
    assert await achieved(path) == 7
    await desk.change(sold, status="void")
    assert await achieved(path) == 2
    await desk.change(path, achievedQuantity=6)  # somebody knows better
    await sell(1)
    assert await achieved(path) == 7
    clock.advance(40 * DAY)
    await sell(9)
    assert await achieved(path) == 7
    await desk.change(f"/msl/{own['_id']}", endDate="2026-12-31T00:00:00Z")
    assert await achieved(path) == 12
    other = (await desk.make("/client", name="Other"))["_id"]
    await desk.change(f"/msl/{own['_id']}", client=other)
    assert await achieved(path) == 0
