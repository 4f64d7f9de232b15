from __future__ import annotations

import pytest
import trio

from gateway.domain.errors import NotFound, Unavailable
from gateway.storage.database import Connection
from gateway.ws.customer import reads as room
from gateway.ws.customer.reads import SharedReads


class Shelf:
    """A database whose reads take a while, of the clock that holds in the test."""

    def __init__(self) -> None:
        self.content: dict[str, int] = {"a": 1, "b": 2}
        self.takes = 1.0
        self.fails = False

    async def read(self, query, connection_keys):  # type: ignore[no-untyped-def]
        found = query(None, connection_keys)
        await trio.sleep(self.takes)
        if self.fails:
            raise Unavailable("storage.unavailable", "gone")
        return found

    def look(self, _connection: Connection, key: str) -> int:
        if key not in self.content:
            raise NotFound("x", key)
        return self.content[key]

    def reads(self) -> SharedReads[str, int]:
        return SharedReads(self, self.look)  # type: ignore[arg-type] # the one method it needs


async def gather(reads: SharedReads[str, int], *keys: str) -> list[object]:
    outcomes: list[object] = [None] * len(keys)

    async def get(place: int, key: str) -> None:
        try:
            outcomes[place] = await reads.get(key)
        except (NotFound, Unavailable) as refused:
            outcomes[place] = type(refused)

    async with trio.open_nursery() as nursery:
        for place, key in enumerate(keys):
            nursery.start_soon(get, place, key)
    return outcomes


async def test_thousands_that_ask_at_once_are_one_question(autojump_clock: object) -> None:
    reads = Shelf().reads()
    assert await gather(reads, *["a", "b"] * 1_000) == [1, 2] * 1_000
    assert reads.queries <= 2


async def test_a_refusal_is_for_the_one_who_asked_for_it(autojump_clock: object) -> None:
    assert await gather(Shelf().reads(), "a", "x", "b") == [1, NotFound, 2]


async def test_an_answer_is_read_after_the_question(autojump_clock: object) -> None:
    shelf = Shelf()
    reads, heard = shelf.reads(), []

    async def ask() -> None:
        heard.append(await reads.get("a"))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        await trio.sleep(0.5)  # the first is read and on its way
        shelf.content["a"] = 7
        nursery.start_soon(ask)
    assert heard == [1, 7]


async def test_a_batch_has_an_end(autojump_clock: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "LARGEST_BATCH", 2)
    shelf = Shelf()
    shelf.content = {str(number): number for number in range(6)}
    reads = shelf.reads()
    assert await gather(reads, *shelf.content) == list(range(6))
    assert reads.queries == 3


async def test_whoever_leads_may_go_away(autojump_clock: object) -> None:
    shelf = Shelf()
    reads, heard = shelf.reads(), []

    async def ask() -> None:
        heard.append(await reads.get("b"))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(reads.get, "a")  # holds the turn
        await trio.sleep(0.1)
        with trio.move_on_after(0.1):
            nursery.start_soon(ask)
            await reads.get("b")  # one of the two leads the next batch, and this one leaves
        assert heard == []
    assert heard == [2]


async def test_an_outage_is_told_to_all_and_then_over(autojump_clock: object) -> None:
    shelf = Shelf()
    reads = shelf.reads()
    shelf.fails = True
    assert await gather(reads, "a", "a", "b") == [Unavailable] * 3
    shelf.fails = False
    assert await gather(reads, "a") == [1]
