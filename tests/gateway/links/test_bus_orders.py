from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from gateway.domain.errors import Conflict, Unavailable
from gateway.links import refusals
from gateway.links.bus_orders import LIMIT, MAX_ORDERS, BusOrders
from protocols.link.buses import BusConfigure, BusConfigured, BusState

STATE = BusState("can0", True)


async def order(orders: BusOrders, rate: int | None = None) -> BusConfigured:
    return await orders.configure(
        "s", "can0", bitrate=rate, data_bitrate=None, listen_only=False, filters=()
    )


async def test_answers_find_their_orders(autojump_clock: MockClock) -> None:
    sent: list[BusConfigure] = []
    orders = BusOrders(sent.append, first=7)
    rates: list[tuple[int, BusConfigured]] = []

    async def ask(rate: int) -> None:
        rates.append((rate, await order(orders, rate)))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask, 1)
        nursery.start_soon(ask, 2)
        await wait_all_tasks_blocked()
        assert {it.id for it in sent} == {7, 8}
        orders.finish(BusConfigured(99, STATE))  # nobody's
        for it in reversed(sent):
            orders.finish(BusConfigured(it.id, STATE, detail=str(it.bitrate)))
    assert sorted((rate, answer.detail) for rate, answer in rates) == [(1, "1"), (2, "2")]


async def test_a_connector_that_does_not_answer(autojump_clock: MockClock) -> None:
    orders = BusOrders(lambda _order: None, first=1)
    began = trio.current_time()
    with pytest.raises(Unavailable, match="within 15 s"):
        await order(orders)
    assert trio.current_time() - began == LIMIT


async def test_a_link_that_is_lost_for_good_ends_every_wait(autojump_clock: MockClock) -> None:
    orders = BusOrders(lambda _order: None, first=1)

    async def refused() -> None:
        with pytest.raises(Unavailable, match="offline"):
            await order(orders)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(refused)
        await wait_all_tasks_blocked()
        orders.fail(refusals.gone)


async def test_orders_on_their_way_are_bounded(autojump_clock: MockClock) -> None:
    orders = BusOrders(lambda _order: None, first=1)
    async with trio.open_nursery() as nursery:
        for _ in range(MAX_ORDERS):
            nursery.start_soon(order, orders)
        await wait_all_tasks_blocked()
        with pytest.raises(Conflict, match="wait"):
            await order(orders)
        nursery.cancel_scope.cancel()
