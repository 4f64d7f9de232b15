"""Tells operators' sessions what is said in the channel of their ticket."""

from __future__ import annotations

import trio

from gateway.bus.memory import MemoryBus
from gateway.chat.service import SAID
from gateway.sessions.service import SessionService

#: What operators' websockets call this kind of news.
KIND = "chat"


class ChatNews:
    """A service; owns nothing but its subscription.

    An operator who falls behind is told of the gap and reads the channel again; telling one
    never waits for another.
    """

    def __init__(self, sessions: SessionService, bus: MemoryBus) -> None:
        self._sessions = sessions
        self._bus = bus

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Follow the bus until cancelled."""
        async with self._bus.subscribe((SAID,), capacity=4096) as said:
            task_status.started()
            async for event in said:
                self._sessions.tell_ticket(
                    int(event.payload["ticket_id"]), KIND, {"message": event.payload}
                )
