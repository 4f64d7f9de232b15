from __future__ import annotations

import trio
from typing_extensions import override

from gateway.bus.line import Ear, NoLine
from tests.support.line_room import Room


class Listener(Ear):
    """Writes down what it hears."""

    def __init__(self) -> None:
        self.told: list[object] = []

    @override
    def heard(self, message: bytes) -> None:
        self.told.append(message)

    @override
    def up(self) -> None:
        self.told.append("up")

    @override
    def down(self) -> None:
        self.told.append("down")


async def test_what_one_says_all_hear() -> None:
    room = Room()
    one, other = Listener(), Listener()
    async with trio.open_nursery() as nursery:
        await nursery.start(room.line().run, one)
        await nursery.start(room.line().run, other)
        assert room.say(b"news")
        nursery.cancel_scope.cancel()
    assert one.told == other.told == ["up", b"news", "down"]


async def test_a_line_that_is_down_says_so_and_carries_nothing() -> None:
    room, listener = Room(), Listener()
    async with trio.open_nursery() as nursery:
        await nursery.start(room.line().run, listener)
        room.cut()
        assert not room.say(b"lost")
        room.mend()
        assert room.say(b"heard")
        nursery.cancel_scope.cancel()
    assert listener.told == ["up", "down", "up", b"heard", "down"]


async def test_a_node_that_is_the_only_one_is_not_heard() -> None:
    line, listener = NoLine(), Listener()
    async with trio.open_nursery() as nursery:
        await nursery.start(line.run, listener)
        assert not line.say(b"anybody?")
        nursery.cancel_scope.cancel()
    assert listener.told == []
