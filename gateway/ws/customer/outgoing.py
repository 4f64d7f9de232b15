"""What goes out on one websocket, in order; of an update that waits, only the newest."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Self

import msgspec
import trio

from gateway.domain.errors import GatewayError
from gateway.web.frames import SendFrame, text_frame
from gateway.web.problems import problem_of
from gateway.ws.customer.messages import Followed


@dataclass(frozen=True, slots=True)
class Notice:
    """One message, made once for everybody who is told.

    Attributes:
        text: as JSON.
        frame: the text as a websocket frame.
    """

    text: str
    frame: bytes

    @classmethod
    def of(cls, text: str) -> Self:
        """Return the message with this text."""
        return cls(text, text_frame(text))


def text_of(action: str, message: Mapping[str, object]) -> str:
    """Return a message as it is sent."""
    return msgspec.json.encode({"action": action, "message": message}).decode()


def problem_text(error: GatewayError) -> str:
    """Return the message that tells of an error."""
    return text_of("error", problem_of(error).body())


class Outgoing:
    """A socket's way out.

    Updates never wait for room, so that nobody's slowness is another's: one that was not sent when
    the next one comes gives way to it. Whatever else is said waits for room: the client's messages
    are read more slowly then.

    Args:
        send: sends one text, and waits until the network has taken it.
        send_nowait: sends a ready frame at once, or refuses.
        capacity: texts that may wait, without updates.
    """

    def __init__(
        self, send: Callable[[str], Awaitable[None]], send_nowait: SendFrame, capacity: int
    ) -> None:
        self._send = send
        self._send_nowait = send_nowait
        self._capacity = capacity
        self._waiting: deque[str | Followed] = deque()
        self._newest: dict[Followed, Notice] = {}
        self._is_sending = False
        self._failure: Exception | None = None
        self._stirred = trio.lowlevel.ParkingLot()
        self._room = trio.lowlevel.ParkingLot()

    def __len__(self) -> int:
        """How many messages wait."""
        return len(self._waiting)

    async def say(self, text: str) -> None:
        """Queue one message, waiting for room."""
        await trio.lowlevel.checkpoint()
        while len(self._waiting) - len(self._newest) >= self._capacity:
            await self._room.park()
        self._waiting.append(text)
        self._stirred.unpark()

    def update(self, followed: Followed, notice: Notice) -> None:
        """Send how a thing is now: at once where the way is free, else as soon as it is."""
        if followed in self._newest:
            self._newest[followed] = notice
            return
        is_free = not (self._waiting or self._is_sending)
        if is_free and self._send_nowait(notice.frame):
            return
        self._newest[followed] = notice
        self._waiting.append(followed)
        self._stirred.unpark()

    def fail(self, error: Exception) -> None:
        """Let the writer end with this."""
        self._failure = error
        self._stirred.unpark()

    async def write(self) -> None:
        """Send what waits, for ever.

        Raises:
            RuntimeError: something failed that this socket relies on.
        """
        while True:
            while not self._waiting and self._failure is None:
                await self._stirred.park()
            if self._failure is not None:
                raise RuntimeError("what this socket follows cannot be told") from self._failure
            # No gap between taking one and sending it, in which an update could overtake.
            self._is_sending = True
            await self._send(self._take())
            self._is_sending = False
            self._room.unpark()

    def _take(self) -> str:
        first = self._waiting.popleft()
        return first if isinstance(first, str) else self._newest.pop(first).text
