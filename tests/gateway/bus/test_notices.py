from __future__ import annotations

import msgspec
import pytest
import trio
from structlog.testing import CapturingLogger
from structlog.typing import FilteringBoundLogger

from gateway.bus.notices import Notices
from tests.support.line_room import Room


class Said(msgspec.Struct, array_like=True, frozen=True):
    words: str


class Heard:
    """Notices of one node, and what it took."""

    def __init__(self, room: Room, node: str, log: FilteringBoundLogger) -> None:
        self.took: list[tuple[str, str]] = []
        self.notices = Notices(room.line(), node, log)
        self.notices.hear("said", Said, lambda node, said: self.took.append((node, said.words)))


@pytest.fixture
def room() -> Room:
    return Room()


async def test_the_others_hear_and_the_speaker_does_not(
    room: Room, log: FilteringBoundLogger
) -> None:
    a, b, c = (Heard(room, name, log) for name in "abc")
    async with trio.open_nursery() as nursery:
        for node in (a, b, c):
            await nursery.start(node.notices.run)
        a.notices.say("said", Said("to all"))
        a.notices.say("said", Said("to b"), to="b")
        nursery.cancel_scope.cancel()
    assert a.took == []
    assert b.took == [("a", "to all"), ("a", "to b")]
    assert c.took == [("a", "to all")]


async def test_what_is_not_understood_ends_nothing(
    room: Room, log: FilteringBoundLogger, logged: CapturingLogger
) -> None:
    a, b = Heard(room, "a", log), Heard(room, "b", log)
    async with trio.open_nursery() as nursery:
        await nursery.start(b.notices.run)
        await nursery.start(a.notices.run)
        room.say(b"\xff\x00 no notice at all")
        a.notices.say("said", msgspec.defstruct("Other", [("n", int)])(3))
        a.notices.say("of a newer program", Said("?"))
        a.notices.say("said", Said("after"))
        nursery.cancel_scope.cancel()
    assert b.took == [("a", "after")]
    assert [call.kwargs.get("event") or call.args[0] for call in logged.calls] == [
        "notice not understood"
    ] * 3  # the noise twice: each of them heard it


async def test_who_was_cut_off_is_told(room: Room, log: FilteringBoundLogger) -> None:
    node = Heard(room, "a", log)
    told: list[str] = []
    node.notices.on_up.append(lambda: told.append("up"))
    node.notices.on_down.append(lambda: told.append("down"))
    async with trio.open_nursery() as nursery:
        await nursery.start(node.notices.run)
        seen = [node.notices.is_up]
        room.cut()
        seen.append(node.notices.is_up)
        room.mend()
        nursery.cancel_scope.cancel()
    assert seen == [True, False]
    assert told == ["up", "down", "up", "down"]
