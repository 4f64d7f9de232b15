"""What waits to be written to one socket: everybody adds, one task writes all of it at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import trio

_Message = TypeVar("_Message")

#: A peer that is this far behind is a failure of the benchmark.
LIMIT = 100_000


class Outbox(Generic[_Message]):
    """Messages for one reader."""

    def __init__(self) -> None:
        self._messages: list[_Message] = []
        self._ready = trio.Event()

    def put(self, message: _Message) -> None:
        """Add a message.

        Raises:
            RuntimeError: the reader does not keep up.
        """
        if len(self._messages) >= LIMIT:
            raise RuntimeError("the operator does not read what the connectors say")
        self._messages.append(message)
        self._ready.set()

    async def write(self, send: Callable[[list[_Message]], Awaitable[None]]) -> None:
        """Send what waits, for ever."""
        while True:
            await self._ready.wait()
            self._ready = trio.Event()
            messages, self._messages = self._messages, []
            await send(messages)
