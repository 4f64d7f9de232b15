"""Lines between nodes of one process, for tests: in virtual time, and cut at will."""

from __future__ import annotations

from collections.abc import Callable

import trio
from typing_extensions import override

from gateway.bus.line import Ear, Line


class Room:
    """Lines between nodes of one process; each :meth:`line` is one node's end."""

    def __init__(self) -> None:
        self._ears: set[Ear] = set()
        self.is_up = True

    def line(self) -> RoomLine:
        """Return one more end."""
        return RoomLine(self)

    def say(self, message: bytes) -> bool:
        """Let everybody hear ``message``; tell whether anybody could."""
        if self.is_up:
            for ear in tuple(self._ears):
                ear.heard(message)
        return self.is_up

    def cut(self) -> None:
        """Let nobody hear anything."""
        self._turn(is_up=False)

    def mend(self) -> None:
        """Carry again."""
        self._turn(is_up=True)

    def _turn(self, *, is_up: bool) -> None:
        if is_up == self.is_up:
            return
        self.is_up = is_up
        tell: Callable[[Ear], None] = _up if is_up else _down
        for ear in tuple(self._ears):
            tell(ear)

    def enter(self, ear: Ear) -> None:
        """Let ``ear`` hear from now on."""
        self._ears.add(ear)
        if self.is_up:
            ear.up()

    def leave(self, ear: Ear) -> None:
        """Let ``ear`` hear no more."""
        self._ears.discard(ear)
        ear.down()


def _up(ear: Ear) -> None:
    ear.up()


def _down(ear: Ear) -> None:
    ear.down()


class RoomLine(Line):
    """One node's end of a :class:`Room`."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._entered = False

    @override
    def say(self, message: bytes) -> bool:
        return self._entered and self._room.say(message)

    @override
    async def run(
        self, ear: Ear, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        self._entered = True
        self._room.enter(ear)
        try:
            task_status.started()
            await trio.sleep_forever()
        finally:
            self._entered = False
            self._room.leave(ear)
