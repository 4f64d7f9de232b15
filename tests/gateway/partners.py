"""A service provider's side: its REST API over a furnished workshop, with events written down."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import structlog
import trio
from quart_trio import QuartTrio
from typing_extensions import override

from gateway.bus.consumers import DurableConsumer
from gateway.chat.service import ChatService
from gateway.config import DataSettings, Settings
from gateway.identity.identity import open_identity
from gateway.rest import partner
from gateway.rest.partner.door import PartnerDoor
from gateway.storage.queries import partner_events
from gateway.storage.queries.ticket_records import Ticket
from gateway.tickets.partner_events import CONSUMER, TOPICS, PartnerFeed, record
from gateway.web.rate_limits import Quota, RateLimiter
from tests.gateway.callers import Caller
from tests.gateway.documented import hold_to
from tests.gateway.operators import Floor, open_floor, temporary_folder
from tests.gateway.workshops import Workshop
from tests.settable_clock import SettableClock

Json = Any  # what a test reads out of an answer is its own business

#: Out of the way of tests that are about something else.
PLENTY = Quota(1_000.0, 1_000)


@dataclass(frozen=True, slots=True)
class Provider(Caller):
    """Providers 1 (``op``, ``mate``) and 2 (``far``) at their door."""

    ROOT = "/partner/v2"

    floor: Floor
    feed: PartnerFeed
    chat: ChatService

    @property
    def workshop(self) -> Workshop:
        return self.floor.workshop

    @override
    def served(self) -> QuartTrio:
        return self.floor.app

    async def order(self) -> Ticket:
        """Plug the garage's connector in and let it order something."""
        await self.floor.plug_in()
        return await self.floor.order()

    async def told(self, count: int) -> None:
        """Wait until so many events are on record for all providers together."""
        database = self.workshop.database
        with trio.fail_after(20):
            while True:
                appended = database.events_appended
                if await database.read(partner_events.last_position) >= count:
                    return
                await appended.wait()


@asynccontextmanager
async def open_provider(
    workshop: Workshop, clock: SettableClock, quota: Quota = PLENTY
) -> AsyncIterator[Provider]:
    """Open the door for the block."""
    log = structlog.get_logger()
    async with open_floor(workshop, clock) as floor, temporary_folder() as folder:
        settings = Settings(data=DataSettings(directory=folder))
        identity = await open_identity(workshop.database, settings, clock)
        chat = ChatService(workshop.database, clock, longest=1_000)
        door = PartnerDoor(
            identity=floor.tokens,
            database=workshop.database,
            tickets=floor.tickets,
            sessions=floor.sessions,
            chat=chat,
            employees=identity.employees,
            clock=clock,
            limiter=RateLimiter(quota),
        )
        for blueprint in partner.blueprints(door):
            floor.app.register_blueprint(blueprint)
        feed = PartnerFeed(workshop.database, log)
        consumer = DurableConsumer(CONSUMER, record, TOPICS)
        async with trio.open_nursery() as nursery:
            await nursery.start(consumer.run, workshop.database, log)
            await nursery.start(feed.run)
            wrong = hold_to(floor.app, "partner", "/partner/")
            yield Provider(floor, feed, chat)
            nursery.cancel_scope.cancel()
        assert wrong == []
