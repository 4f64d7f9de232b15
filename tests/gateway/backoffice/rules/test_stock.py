"""Stock: sums of movements, never below zero, whatever is asked and by how many at once."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.backoffice.rules import picking, receiving, stock
from gateway.backoffice.rules.stock import Move
from gateway.backoffice.shop import Shop
from gateway.domain.errors import Invalid


def part(shop: Shop, quantity: int = 0, **values: Any) -> int:
    body = {"name": "Part", "price_excl": Decimal(10), "purchase_price": Decimal(4)}
    return stock.create_product(shop, body | {"stock_quantity": quantity} | values)


def adds_up(shop: Shop, product_id: int) -> None:
    product = shop.get("product", product_id)
    moves = shop.where("stock_movement", product_id=product_id)
    binned = [row["quantity"] for row in shop.where("bin_stock", product_id=product_id)]
    assert product["stock_quantity"] == sum(move["quantity"] for move in moves) >= sum(binned)
    assert min([*binned, product["stock_quantity"]]) >= 0
    if moves:
        assert moves[-1]["balance_after"] == product["stock_quantity"]


@pytest.mark.slow
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(st.integers(-9, 9), st.integers(0, 2)), max_size=12))
def test_whatever_moves_it_adds_up(trial_shop: Any, moves: list[tuple[int, int]]) -> None:
    def run(shop: Shop) -> None:
        product_id = part(shop, 5)
        bins = [None, *(shop.insert("bin", {"code": f"A-{n}"}) for n in (1, 2))]
        for quantity, place in moves:
            before = shop.count("stock_movement")
            try:
                with shop.connection.begin_nested():
                    stock.move(shop, [Move(product_id, quantity, "adjustment", bins[place])])
            except Invalid:
                assert quantity < 0
                assert shop.count("stock_movement") == before
            adds_up(shop, product_id)

    trial_shop(run)


@pytest.mark.slow
async def test_concurrent_takers_never_take_what_is_not_there(in_shop: Any) -> None:
    product_id = await in_shop(part, 5)
    taken: list[int] = []

    async def take() -> None:
        try:
            await in_shop(stock.adjust, {"product_id": product_id, "quantity": -1})
        except Invalid:
            return
        taken.append(1)

    async with trio.open_nursery() as nursery:
        for _ in range(12):
            nursery.start_soon(take)
    assert len(taken) == 5
    await in_shop(adds_up, product_id)


async def test_a_notice_comes_once_for_each_crossing(in_shop: Any) -> None:
    def run(shop: Shop) -> list[str]:
        product_id = part(shop, 5, min_stock=4)
        for quantity in (-1, -1, -1, 3, -2):
            stock.adjust(shop, {"product_id": product_id, "quantity": quantity})
        return [row["body"] for row in shop.where("notification", user_id=1)]

    assert await in_shop(run) == ["3 left, the minimum is 4.", "3 left, the minimum is 4."]


async def test_a_pick_list_takes_from_one_bin_that_has_it_all(in_shop: Any) -> None:
    def run(shop: Shop) -> list[tuple[Any, int, int]]:
        product_id = part(shop, 2)
        small, big = (shop.insert("bin", {"code": code}) for code in ("A-1", "A-2"))
        stock.move(shop, [Move(product_id, 1, "receipt", small)])
        stock.move(shop, [Move(product_id, 6, "receipt", big)])
        customer = shop.insert("customer", {"client_number": 1, "first_name": "J"})
        head = {"customer_id": customer, "ticket_no": "WO-1", "status": "new"}
        order = shop.insert("work_order", head)
        line = {"work_order_id": order, "description": "x", "unit_price": Decimal(1)}
        shop.insert("work_order_line", line | {"product_id": product_id, "quantity": Decimal(6)})
        list_id = picking.create_list(shop, {"work_order_id": order})
        picking.complete(shop, shop.get("pick_list", list_id), {})
        with pytest.raises(Invalid, match="done already"):
            picking.complete(shop, shop.get("pick_list", list_id), {})
        adds_up(shop, product_id)
        rows = shop.where("pick_list_line", pick_list_id=list_id)
        return [(row["bin_id"] == big, row["picked_quantity"], row["shortage"]) for row in rows]

    assert await in_shop(run) == [(True, 6, 0)]


async def test_more_than_was_ordered_is_refused(in_shop: Any) -> None:
    def run(shop: Shop) -> str:
        product_id = part(shop, 0, min_stock=3)
        order_id = receiving.order_what_is_low(shop)
        assert order_id is not None
        assert receiving.order_what_is_low(shop) is None
        (line,) = shop.where("purchase_order_line", purchase_order_id=order_id)
        body = {"purchase_order_id": order_id}
        two = [{"po_line_id": line["id"], "received_qty": 2}]
        receiving.receive_order(shop, body | {"lines": two})
        with pytest.raises(Invalid, match="more than the 4 outstanding"):
            receiving.receive_order(
                shop, body | {"lines": [{"po_line_id": line["id"], "received_qty": 5}]}
            )
        four = [{"po_line_id": line["id"], "received_qty": 4}]
        receiving.receive_order(shop, body | {"lines": four})
        adds_up(shop, product_id)
        return str(shop.get("purchase_order", order_id)["status"])

    assert await in_shop(run) == "received"
