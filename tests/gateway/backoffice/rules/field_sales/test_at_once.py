"""What is said several times at once is done once, on either engine."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import trio

from tests.gateway.backoffice.conftest import Door
from tests.gateway.backoffice.desk import Desk

pytestmark = [pytest.mark.both_engines, pytest.mark.slow]

TIMES = 4


async def say_at_once(desk: Desk, path: str, **body: Any) -> None:
    """Change a document several times together, whatever the answers are."""
    async with trio.open_nursery() as nursery:
        for _ in range(TIMES):
            nursery.start_soon(partial(desk.door.ask, "PUT", path, json=body))


async def test_a_transfer_leaves_and_arrives_once(desk: Desk) -> None:
    product = (await desk.product())["_id"]
    here = await desk.stocked(product, 10)
    there = (await desk.make("/warehouse", name="Van"))["_id"]
    item = {"product": product, "requestedQuantity": 2}
    body: dict[str, Any] = {"fromWarehouse": here, "toWarehouse": there, "items": [item]}
    made: list[str] = []

    async def promise() -> None:
        made.append((await desk.make("/transfer", 201, **body))["_id"])

    async with trio.open_nursery() as nursery:
        for _ in range(TIMES):
            nursery.start_soon(promise)
    (level,) = await desk.see("/inventory")
    assert (level["reservedQuantity"], level["availableQuantity"]) == (8, 2)
    await say_at_once(desk, f"/transfer/{made[0]}", status="in_transit")
    assert await desk.levels() == {here: 8}
    await say_at_once(desk, f"/transfer/{made[0]}", status="completed")
    assert await desk.levels() == {here: 8, there: 2}


async def test_material_comes_in_once(desk: Desk) -> None:
    item = {"product": (await desk.product())["_id"], "expectedQuantity": 5}
    item |= {"receivedQuantity": 5}
    supplier = (await desk.make("/supplier", name="Parts Ltd"))["_id"]
    place = (await desk.make("/warehouse", name="Main"))["_id"]
    receipt = await desk.make(
        "/receiving-material", warehouse=place, supplier=supplier, items=[item]
    )
    await say_at_once(desk, f"/receiving-material/{receipt['_id']}", status="received")
    assert await desk.levels() == {place: 5}


async def test_an_invoice_is_void_once_while_its_client_pays(desk: Desk) -> None:
    product = (await desk.product())["_id"]
    place = await desk.stocked(product, 10)
    client = (await desk.make("/client", name="Jansen"))["_id"]
    items = [{"product": product, "quantity": 3}]
    invoice = await desk.make("/fullinvoices", client=client, warehouse=place, items=items)
    path = f"/fullinvoices/{invoice['_id']}"
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(say_at_once, desk, path, status="void"))
        for _ in range(TIMES):
            nursery.start_soon(partial(desk.make, "/payments", client=client, amount=5))
    assert (await desk.see(path))["status"] == "void"
    assert await desk.levels() == {place: 10}
    owed = (await desk.see(f"/client/{client}"))["integrated_client_balance"]
    assert owed == -5 * TIMES


async def test_a_refund_is_paid_once(desk: Desk) -> None:
    client = (await desk.make("/client", name="Jansen"))["_id"]
    await desk.make("/payments", client=client, amount=20)
    refund = await desk.make("/refund", client=client, amount=20, reason="dent")
    path = f"/refund/{refund['_id']}"
    await desk.change(path, status="approved")
    await say_at_once(desk, path, status="processed")
    assert (await desk.see(f"/client/{client}"))["integrated_client_balance"] == 0


async def test_a_product_of_the_workshop_gets_one_variant(desk: Desk, repair: Door) -> None:
    made = (await repair.ask("POST", "/products", json={"name": "Wiper", "price_excl": 10}))[1]
    items = [{"product": f"{made['id']:024x}", "quantity": 1}]
    async with trio.open_nursery() as nursery:
        for _ in range(TIMES):
            nursery.start_soon(partial(desk.make, "/fullinvoices", items=items))
    assert len(await desk.see("/variant")) == 1
