from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID

import pytest
import trio
from trio.testing import MockClock

from gateway.domain.connector import KnownConnector
from gateway.domain.errors import Unavailable
from gateway.identity import key_lookups
from gateway.identity.key_lookups import KeyLookups


class _Table:
    """Answers a query after a second, and remembers who was asked for."""

    def __init__(self) -> None:
        self.queries: list[set[UUID]] = []
        self.fails: Exception | None = None
        self.lookups = KeyLookups(self._look_up)
        self.found: dict[UUID, KnownConnector | str | None] = {}

    async def _look_up(self, uuids: Collection[UUID]) -> Mapping[UUID, KnownConnector]:
        self.queries.append(set(uuids))
        await trio.sleep(1)
        if self.fails is not None:
            raise self.fails
        return {uuid: _keys(uuid) for uuid in uuids if uuid.int < 1000}

    async def ask(self, number: int) -> None:
        uuid = UUID(int=number)
        try:
            self.found[uuid] = await self.lookups.find(uuid)
        except Unavailable as error:
            self.found[uuid] = error.code


def _keys(uuid: UUID) -> KnownConnector:
    return KnownConnector(uuid.int, uuid, 1, 1, (b"k" * 32,))


def _uuids(*numbers: int) -> set[UUID]:
    return {UUID(int=number) for number in numbers}


async def test_the_first_waits_for_nobody_and_the_others_go_together(
    autojump_clock: MockClock,
) -> None:
    table, began = _Table(), trio.current_time()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(table.ask, 1)
        await trio.sleep(0.5)
        for number in (2, 3, 1, 2, 5000):
            nursery.start_soon(table.ask, number)
    assert table.queries == [_uuids(1), _uuids(1, 2, 3, 5000)], "the second 1 has an answer anew"
    assert trio.current_time() - began == pytest.approx(2)
    assert table.found == {uuid: _keys(uuid) for uuid in _uuids(1, 2, 3)} | {UUID(int=5000): None}


async def test_a_query_is_bounded_and_so_are_those_who_wait(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_lookups, "LARGEST_BATCH", 2)
    monkeypatch.setattr(key_lookups, "LARGEST_QUEUE", 6)
    table = _Table()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(table.ask, 1)
        await trio.sleep(0.5)
        for number in range(2, 9):
            nursery.start_soon(table.ask, number)
    assert sorted(map(len, table.queries)) == [1, 1, 2, 2]
    assert list(table.found.values()).count("identity.lookups_full") == 2
    await table.ask(7)
    assert table.found[UUID(int=7)] == _keys(UUID(int=7)), "room again"


async def test_a_database_that_does_not_answer_fails_those_who_asked_and_nobody_after(
    autojump_clock: MockClock,
) -> None:
    table = _Table()
    table.fails = Unavailable("storage.unavailable", "Later.", retry_after=5.0)
    async with trio.open_nursery() as nursery:
        for number in (1, 2, 3):
            nursery.start_soon(table.ask, number)
    assert set(table.found.values()) == {"storage.unavailable"}
    table.fails = None
    await table.ask(1)
    assert table.found[UUID(int=1)] == _keys(UUID(int=1))


async def test_queries_that_follow_each_other_keep_a_pace(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_lookups, "PACE", 5.0)
    table, began = _Table(), trio.current_time()
    await table.ask(1)
    assert trio.current_time() - began == pytest.approx(1)
    async with trio.open_nursery() as nursery:
        for number in (2, 3, 4):
            nursery.start_soon(table.ask, number)
            await trio.sleep(1)
    assert table.queries[1:] == [_uuids(2, 3, 4)]
    assert trio.current_time() - began == pytest.approx(5 + 1)
    await trio.sleep(5)
    began = trio.current_time()
    await table.ask(5)
    assert trio.current_time() - began == pytest.approx(1), "nobody waits after a while"


async def test_when_the_one_who_asks_for_all_goes_away_another_does_it(
    autojump_clock: MockClock,
) -> None:
    table = _Table()
    async with trio.open_nursery() as nursery:
        with trio.move_on_after(0.5):
            async with trio.open_nursery() as impatient:
                impatient.start_soon(table.ask, 1)
                await trio.sleep(0.1)
                nursery.start_soon(table.ask, 2)
                nursery.start_soon(table.ask, 3)
    assert table.found.keys() == _uuids(2, 3)
    assert table.queries == [_uuids(1), _uuids(2, 3)], "nobody waits for the first any more"


async def test_a_fault_of_the_program_reaches_whoever_asks(autojump_clock: MockClock) -> None:
    table = _Table()
    table.fails = ZeroDivisionError("ours")
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            await table.ask(1)
    table.fails = None
    await table.ask(2)
    assert table.found[UUID(int=2)] == _keys(UUID(int=2))
