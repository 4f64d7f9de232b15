from __future__ import annotations

import pytest
import structlog
import trio

from gateway.bus.consumers import DurableConsumer
from gateway.chat.service import ChatService
from gateway.domain.errors import NotFound
from gateway.domain.event_ids import event_id
from gateway.storage.queries import partner_events
from gateway.storage.queries.partner_events import Behind, PartnerEvent
from gateway.tickets.partner_events import (
    CONSUMER,
    TOPICS,
    PartnerFeed,
    event_shape,
    place_after,
    record,
)
from gateway.tickets.service_center import CenterState, ServiceCenter
from tests.gateway.workshops import LONG_AGO, MINE, Workshop
from tests.settable_clock import SettableClock

pytestmark = pytest.mark.slow

HOME, AWAY = 1, 2
LOG = structlog.get_logger()


async def _told(workshop: Workshop, provider: int, count: int) -> list[PartnerEvent]:
    """Let the consumer run until it has told a provider so much, and return all of it."""
    consumer = DurableConsumer(CONSUMER, record, TOPICS)
    async with trio.open_nursery() as nursery:
        await nursery.start(consumer.run, workshop.database, LOG)
        with trio.fail_after(20):
            while True:
                appended = workshop.database.events_appended
                found = await workshop.database.read(
                    partner_events.of_provider, provider, Behind(), 100
                )
                if len(found) >= count:
                    break
                await appended.wait()
        nursery.cancel_scope.cancel()
    return list(found)


def _types(events: list[PartnerEvent]) -> list[str]:
    return [event.type.removeprefix("tickets.") for event in events]


async def test_both_providers_hear_of_what_is_outsourced(workshop: Workshop) -> None:
    service, home, away = workshop.service, workshop.operator, workshop.outsider
    workshop.presence.plug_in(MINE)
    ticket = await service.create(workshop.customer, workshop.order())
    await service.outsource(home, ticket.id, AWAY)
    await service.begin(away, ticket.id)
    await service.cancel(away, ticket.id, 4)
    await service.begin(home, ticket.id)
    await service.close(home, ticket.id)
    own = await _told(workshop, HOME, 6)
    assert _types(own) == [
        "ticket.created",
        "ticket.outsourced",
        "ticket.started",
        "ticket.returned",
        "ticket.started",
        "ticket.closed",
    ]
    named = {"id": str(ticket.uuid), "number": ticket.id, "ticket_number": ticket.id}
    customer = {"id": 1, "name": "Garage Noord"}
    assert own[0].payload == {"ticket": named, "parent_ticket": None, "customer": customer}
    other = await _told(workshop, AWAY, 2)
    assert _types(other)[0] == "ticket.created"
    assert _types(other)[-1] == "ticket.cancelled"
    assert other[0].payload == {"ticket": named, "parent_ticket": named, "customer": customer}
    shown = event_shape(own[0])
    assert shown["id"] == event_id(own[0].position, own[0].occurred_at)
    assert shown["type"] == "tickets.ticket.created"


async def test_what_is_cancelled_elsewhere_is_told_there(workshop: Workshop) -> None:
    workshop.presence.plug_in(MINE)
    ticket = await workshop.service.create(workshop.customer, workshop.order())
    await workshop.service.outsource(workshop.operator, ticket.id, AWAY)
    await workshop.service.cancel(workshop.operator, ticket.id, 1)
    assert _types(await _told(workshop, AWAY, 2)) == ["ticket.created", "ticket.cancelled"]
    own = _types(await _told(workshop, HOME, 3))
    assert own == ["ticket.created", "ticket.outsourced", "ticket.cancelled"]


async def test_messages_and_the_service_center_are_told(
    workshop: Workshop, clock: SettableClock
) -> None:
    workshop.presence.plug_in(MINE)
    ticket = await workshop.service.create(workshop.customer, workshop.order())
    chat = ChatService(workshop.database, clock, longest=100)
    await chat.ping(workshop.operator, ticket.uuid)  # nobody's business later
    said = await chat.say(workshop.operator, ticket.uuid, "Good morning")
    closed = ServiceCenter(CenterState.CLOSED)
    await workshop.service.change_service_center(workshop.operator, closed)
    found = await _told(workshop, HOME, 3)
    assert _types(found) == ["ticket.created", "message.created", "service_center.changed"]
    assert found[1].payload["message"]["id"] == str(said.uuid)
    assert "Good morning" not in str(found[1].payload), "a message is read in its channel"
    assert found[2].payload["service_center"]["state"] == "closed"


async def test_a_place_is_found_again_or_said_to_be_gone(workshop: Workshop) -> None:
    for number in range(5):
        event = PartnerEvent(HOME, f"tickets.ticket.{number}", LONG_AGO, {})
        await workshop.database.write(partner_events.add, event)
    assert await workshop.database.read(place_after, event_id(3, LONG_AGO)) == 3
    await workshop.database.write(partner_events.prune, 2)
    assert await workshop.database.read(place_after, event_id(3, LONG_AGO)) == 3
    for name, code in (
        (event_id(2, LONG_AGO), "event.gone"),
        (event_id(6, LONG_AGO), "event.unknown"),
        ("nonsense", "event.unknown"),
    ):
        with pytest.raises(NotFound) as refused:
            await workshop.database.read(place_after, name)
        assert refused.value.code == code


async def test_the_feed_wakes_those_who_are_concerned(workshop: Workshop) -> None:
    feed = PartnerFeed(workshop.database, LOG)
    async with trio.open_nursery() as nursery:
        await nursery.start(feed.run)
        mine, heard = trio.Event(), list[int]()
        with feed.following(HOME, mine.set), feed.following(AWAY, lambda: heard.append(AWAY)):
            event = PartnerEvent(HOME, "tickets.ticket.created", LONG_AGO, {})
            await workshop.database.write(partner_events.add, event)
            with trio.fail_after(20):
                await mine.wait()
        assert heard == []
        nursery.cancel_scope.cancel()
