"""The line between nodes: whatever one says, all the others hear, as far as the line is up.

Nothing that must not be lost goes over it: what is on record is read from the database, and who
was cut off asks again what holds. So a line may lose what it was given, and says when it was down.
"""

from __future__ import annotations

from typing import Protocol

import trio
from typing_extensions import override


class Ear(Protocol):
    """Whoever listens; nothing here may block or raise."""

    def heard(self, message: bytes) -> None:
        """Take a message; those of this node come back too."""
        ...

    def up(self) -> None:
        """The line carries again, after some time in which nobody knows what was missed."""
        ...

    def down(self) -> None:
        """The line carries no more."""
        ...


class Line(Protocol):
    """One node's end of the line."""

    def say(self, message: bytes) -> bool:
        """Queue a message for everybody; tell whether the line is up."""
        ...

    async def run(self, ear: Ear, *, task_status: trio.TaskStatus[None]) -> None:
        """Carry until cancelled; started at once, whether the line is up or not."""
        ...


class NoLine(Line):
    """The end of a node that is the only one."""

    @override
    def say(self, message: bytes) -> bool:
        return False

    @override
    async def run(
        self, ear: Ear, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        task_status.started()
        await trio.sleep_forever()
