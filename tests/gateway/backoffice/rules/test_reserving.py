from __future__ import annotations

from typing import Any


async def test_lines_reserve_until_they_are_picked(repair: Any) -> None:
    part = {"name": "Part", "price_excl": 10, "stock_quantity": 5}
    product = (await repair.ask("POST", "/products", json=part))[1]["id"]
    customer = (await repair.ask("POST", "/customers", json={"first_name": "Jan"}))[1]["id"]
    orders = []
    for quantity in (1.5, 1):
        order = (await repair.ask("POST", "/work-orders", json={"customer_id": customer}))[1]["id"]
        line = {"description": "Part", "unit_price": 10, "product_id": product}
        await repair.ask("POST", f"/work-orders/{order}/lines", json=line | {"quantity": quantity})
        orders.append(order)

    async def level() -> tuple[int, int, int]:
        (row,) = (await repair.ask("GET", "/stock"))[1]
        return row["quantity"], row["reserved"], row["available"]

    assert await level() == (5, 3, 2)
    picks = (await repair.ask("POST", "/pick-lists", json={"work_order_id": orders[1]}))[1]
    status, _ = await repair.ask("POST", f"/pick-lists/{picks['id']}/complete")
    assert (status, await level()) == (200, (4, 2, 2))
    await repair.ask("PATCH", f"/work-orders/{orders[0]}", json={"status": "cancelled"})
    assert await level() == (4, 0, 4)
