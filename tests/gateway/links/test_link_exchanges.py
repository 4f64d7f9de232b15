from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from gateway.domain.errors import GatewayError, Unavailable
from gateway.links.exchanges import MAX_IN_FLIGHT, Exchanges
from protocols.link.messages import ExchangeRequest, ExchangeResult
from protocols.link.vehicle import FunctionalTarget
from tests.support.link_world import settle

TARGET = FunctionalTarget()


class _Table:
    """A table, what it sent and what its callers got."""

    def __init__(self, first: int = 1) -> None:
        self.sent: list[ExchangeRequest] = []
        self.table = Exchanges(self.sent.append, first=first)
        self.results: list[ExchangeResult] = []
        self.errors: list[GatewayError] = []

    async def ask(self, request: bytes = b"\x3e\x00") -> None:
        try:
            self.results.append(await self.table.exchange("s", TARGET, request))
        except GatewayError as error:
            self.errors.append(error)


async def test_results_find_their_callers_in_any_order(nursery: trio.Nursery) -> None:
    table = _Table()
    for byte in (b"1", b"2", b"3"):
        nursery.start_soon(table.ask, byte)
    await settle()
    assert len(table.table) == 3
    for request in reversed(table.sent):
        assert table.table.finish(ExchangeResult(request.id, detail=request.request.decode()))
        await settle(5)
    assert [result.detail for result in table.results] == [
        request.request.decode() for request in reversed(table.sent)
    ]
    assert len(table.table) == 0


async def test_a_late_answer_matches_no_newer_request(nursery: trio.Nursery) -> None:
    table = _Table()
    with trio.move_on_after(0):
        await table.ask()
    nursery.start_soon(table.ask)
    await settle()
    late, newer = table.sent
    assert late.id != newer.id
    assert not table.table.finish(ExchangeResult(late.id))
    assert table.results == []
    assert table.table.finish(ExchangeResult(newer.id))


async def test_numbers_begin_where_they_are_told(nursery: trio.Nursery) -> None:
    table = _Table(first=0xFEED0001)
    nursery.start_soon(table.ask)
    await settle()
    assert table.sent[0].id == 0xFEED0001
    table.table.finish(ExchangeResult(0xFEED0001))


async def test_a_connector_has_so_many_requests_in_flight(nursery: trio.Nursery) -> None:
    table = _Table()
    for _ in range(MAX_IN_FLIGHT):
        nursery.start_soon(table.ask)
    await settle()
    await table.ask()
    [refused] = table.errors
    assert isinstance(refused, Unavailable)
    assert (refused.code, refused.retry_after) == ("connector.busy", 1)
    assert len(table.sent) == MAX_IN_FLIGHT
    nursery.cancel_scope.cancel()


async def test_a_failure_wakes_everybody_with_an_error_of_their_own(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    table = _Table()
    for _ in range(3):
        nursery.start_soon(table.ask)
    await settle()
    table.table.fail(lambda: Unavailable("connector.offline", "gone"))
    await settle()
    assert [error.code for error in table.errors] == ["connector.offline"] * 3
    assert len({id(error) for error in table.errors}) == 3
    assert len(table.table) == 0


async def test_a_request_that_could_not_be_sent_is_not_waited_for() -> None:
    def refuse(_request: ExchangeRequest) -> None:
        raise Unavailable("connector.busy", "full")

    table = Exchanges(refuse, first=1)
    with pytest.raises(Unavailable):
        await table.exchange("s", TARGET, b"\x3e\x00")
    assert len(table) == 0


def test_a_request_without_a_task_gets_its_outcome_once() -> None:
    table, outcomes = _Table(), list[object]()
    number = table.table.start("s", TARGET, b"\x3e\x00", outcomes.append)
    result = ExchangeResult(number)
    assert table.table.finish(result)
    assert not table.table.finish(result)
    table.table.fail(lambda: Unavailable("a.b", "Gone."))
    assert outcomes == [result]


def test_a_request_that_could_not_be_sent_waits_for_nothing() -> None:
    def refuse(_request: ExchangeRequest) -> None:
        raise Unavailable("connector.offline", "Gone.")

    table = Exchanges(refuse, first=1)
    with pytest.raises(Unavailable):
        table.start("s", TARGET, b"\x3e\x00", lambda _: None)
    assert len(table) == 0


def test_waits_end_at_their_time_and_not_before() -> None:
    table, outcomes = _Table(), list[object]()
    too_slow = Unavailable("exchange.too_slow", "Too slow.")
    table.table.start("s", TARGET, b"\x3e\x00", outcomes.append, until=10.0)
    table.table.start("s", TARGET, b"\x3e\x00", outcomes.append, until=11.0)
    table.table.expire(9.9, lambda: too_slow)
    assert outcomes == []
    table.table.expire(10.0, lambda: too_slow)
    assert outcomes == [too_slow]
    assert len(table.table) == 1
