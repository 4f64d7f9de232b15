"""A session ends with its ticket and with its operator's access, whoever ended those."""

from __future__ import annotations

import trio

from gateway.bus.memory import MemoryBus
from gateway.domain.events import Event
from gateway.identity.operators import DISABLED
from gateway.sessions.service import SessionService

CLOSED = "tickets.ticket.closed"
CANCELLED = "tickets.ticket.cancelled"

#: A ticket goes to another provider, and back: whoever had it works on it no more.
OUTSOURCED = "tickets.ticket.outsourced"
RECLAIMED, RETURNED = "tickets.ticket.reclaimed", "tickets.ticket.returned"

_HEARD = (CLOSED, CANCELLED, OUTSOURCED, RECLAIMED, RETURNED, DISABLED)


class TicketEndings:
    """A service; owns nothing but its subscription."""

    def __init__(self, sessions: SessionService, bus: MemoryBus) -> None:
        self._sessions = sessions
        self._bus = bus

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Follow the bus until cancelled; endings run side by side, each bounded."""
        async with (
            self._bus.subscribe(_HEARD, capacity=4096) as events,
            trio.open_nursery() as nursery,
        ):
            task_status.started()
            async for event in events:
                nursery.start_soon(self._end, event)

    async def _end(self, event: Event) -> None:
        payload = event.payload
        if event.type == DISABLED:
            await self._sessions.end_operator(str(payload["client_id"]))
            return
        ticket = int(payload["ticket_id"])
        if event.type in {CLOSED, CANCELLED}:
            await self._sessions.end_ticket(ticket)
            return
        other = int(payload["outsource"]["provider_id"])
        goes_there = event.type == OUTSOURCED
        await self._sessions.end_ticket(ticket, lambda s: (s.provider_id == other) != goes_there)
