"""What is said reaches the sessions of its ticket, and no other."""

from __future__ import annotations

import structlog
import trio

from gateway.bus.memory import MemoryBus
from gateway.bus.outbox import OutboxRelay
from gateway.chat.news import ChatNews
from tests.gateway.chat.conftest import Talk


class Sessions:
    """Where the session service stands in a gateway."""

    def __init__(self) -> None:
        self.told: list[tuple[int, str, dict[str, object]]] = []
        self.more = trio.Event()

    def tell_ticket(self, ticket_id: int, kind: str, body: dict[str, object]) -> None:
        self.told.append((ticket_id, kind, body))
        self.more.set()


async def test_sessions_hear_what_is_said(talk: Talk) -> None:
    bus, sessions = MemoryBus(), Sessions()
    relay = OutboxRelay(talk.workshop.database, bus, structlog.get_logger())
    async with trio.open_nursery() as nursery:
        await nursery.start(relay.run)
        await nursery.start(ChatNews(sessions, bus).run)  # type: ignore[arg-type] # one method
        said = await talk.chat.say(talk.workshop.customer, talk.ticket.uuid, "Hello")
        with trio.fail_after(20):
            await sessions.more.wait()
        nursery.cancel_scope.cancel()
    ((ticket_id, kind, body),) = sessions.told
    assert (ticket_id, kind) == (talk.ticket.id, "chat")
    message = body["message"]
    assert isinstance(message, dict)
    assert (message["id"], message["content"]) == (str(said.uuid), "Hello")
