"""A service provider's side: its REST API over a furnished workshop, with events written down."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import structlog
import trio
from quart import Response

from gateway.bus.consumers import DurableConsumer
from gateway.chat.service import ChatService
from gateway.config import DataSettings, Settings
from gateway.identity.identity import open_identity
from gateway.rest import partner
from gateway.rest.partner.door import PartnerDoor
from gateway.storage.queries import partner_events
from gateway.storage.queries.ticket_records import Ticket
from gateway.tickets.partner_events import CONSUMER, TOPICS, PartnerFeed, record
from gateway.web import problems
from gateway.web.rate_limits import Quota, RateLimiter
from tests.gateway.documented import hold_to
from tests.gateway.operators import Floor, open_floor, temporary_folder
from tests.gateway.workshops import Workshop
from tests.settable_clock import SettableClock

Json = Any  # what a test reads out of an answer is its own business

#: Out of the way of tests that are about something else.
PLENTY = Quota(1_000.0, 1_000)


@dataclass(frozen=True, slots=True)
class Provider:
    """Providers 1 (``op``, ``mate``) and 2 (``far``) at their door."""

    floor: Floor
    feed: PartnerFeed
    chat: ChatService

    @property
    def workshop(self) -> Workshop:
        return self.floor.workshop

    async def call(
        self, method: str, path: str, json: Json = None, *, token: str | None = "op"
    ) -> Response:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        answer: Response = await self.floor.app.test_client().open(
            f"/partner/v2{path}",
            method=method,
            headers=headers,
            **({} if json is None else {"json": json}),
        )
        return answer

    async def done(
        self, method: str, path: str, json: Json = None, *, status: int = 200, token: str = "op"
    ) -> Json:
        """Return the JSON of an answer that has this status."""
        answer = await self.call(method, path, json, token=token)
        text = await answer.get_data(as_text=True)
        assert answer.status_code == status, text
        return await answer.get_json() if text else None

    async def refused(
        self,
        method: str,
        path: str,
        json: Json = None,
        *,
        status: int,
        code: str,
        token: str | None = "op",
    ) -> Json:
        """Return the problem of a refusal with this status and code."""
        answer = await self.call(method, path, json, token=token)
        problem = await answer.get_json()
        assert (answer.status_code, problem["code"]) == (status, code), problem
        assert answer.content_type == problems.CONTENT_TYPE
        assert problem["instance"] == f"/partner/v2{path}".partition("?")[0]
        return problem

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
