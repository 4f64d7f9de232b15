from __future__ import annotations

from collections.abc import Awaitable

import pytest

from gateway.chat.service import ChatService
from gateway.domain.errors import Conflict, GatewayError, Invalid, NotFound
from gateway.domain.ticket import TicketState
from gateway.storage.database import Connection
from gateway.storage.queries import events, outsources
from gateway.storage.queries.outsources import Outsource
from gateway.storage.queries.ticket_records import Ticket
from gateway.tickets.life import Report
from tests.gateway.workshops import MINE, Workshop
from tests.settable_clock import SettableClock

pytestmark = pytest.mark.slow

HOME, AWAY = 1, 2


async def _ordered(workshop: Workshop) -> Ticket:
    workshop.presence.plug_in(MINE)
    return await workshop.service.create(workshop.customer, workshop.order())


async def _given(workshop: Workshop) -> Ticket:
    ticket = await _ordered(workshop)
    given, _ = await workshop.service.outsource(workshop.operator, ticket.id, AWAY)
    return given


async def _asked(workshop: Workshop, ticket: Ticket) -> Outsource | None:
    return await workshop.database.read(outsources.held, ticket.id)


async def _refusal(work: Awaitable[object], kind: type[GatewayError]) -> str:
    with pytest.raises(kind) as refused:
        await work
    return refused.value.code


async def _told(workshop: Workshop) -> list[str]:
    def types(connection: Connection) -> list[str]:
        return [event.type.rpartition(".")[2] for event in events.after(connection, 0)]

    return await workshop.database.read(types)


async def test_another_provider_serves_a_ticket_to_its_end(workshop: Workshop) -> None:
    service, away = workshop.service, workshop.outsider
    ticket = await _given(workshop)
    assert ticket.state is TicketState.OUTSOURCED
    assert (await service.require(away, ticket.id)).id == ticket.id
    begun = await service.begin(away, ticket.id)
    assert (begun.state, begun.operator_id) == (TicketState.OUTSOURCED, "op-x")
    assert (await service.begin(away, ticket.id)).started_at == begun.started_at
    asked = await _asked(workshop, ticket)
    assert asked is not None
    assert (asked.state, asked.operator_id, asked.source_provider_id) == (
        "in_progress",
        "op-x",
        HOME,
    )
    closed = await service.close(away, ticket.id, Report("Done from afar."))
    assert closed.state is TicketState.CLOSED
    asked = await _asked(workshop, ticket)
    assert asked is not None
    assert (asked.state, asked.finished_at) == ("closed", closed.finished_at)
    assert (await service.require(away, ticket.id)).state is TicketState.CLOSED
    assert await _told(workshop) == ["created", "outsourced", "started", "closed"]


async def test_what_has_not_begun_is_taken_back(workshop: Workshop) -> None:
    service, home, away = workshop.service, workshop.operator, workshop.outsider
    ticket = await _given(workshop)
    back = await service.reclaim(home, ticket.id)
    assert back.state is TicketState.PENDING
    assert await _refusal(service.require(away, ticket.id), NotFound) == "ticket.unknown"
    assert await _refusal(service.reclaim(home, ticket.id), Conflict) == "ticket.wrong_state"
    # It may be given away again.
    await service.outsource(home, ticket.id, AWAY)
    await service.begin(away, ticket.id)
    code = await _refusal(service.reclaim(home, ticket.id), Conflict)
    assert code == "ticket.not_reclaimable"
    code = await _refusal(service.cancel(home, ticket.id, 1), Conflict)
    assert code == "ticket.not_reclaimable"


async def test_what_is_not_wanted_goes_back(workshop: Workshop) -> None:
    service, away = workshop.service, workshop.outsider
    ticket = await _given(workshop)
    await service.begin(away, ticket.id)
    assert await _refusal(service.cancel(away, ticket.id, 0), Invalid) == "ticket.reason_invalid"
    back = await service.cancel(away, ticket.id, 3)
    assert (back.state, back.operator_id, back.cancelled_reason) == (TicketState.PENDING, None, 0)
    assert await _asked(workshop, ticket) is None
    assert (await service.begin(workshop.operator, ticket.id)).state is TicketState.IN_PROGRESS


async def test_its_own_provider_may_cancel_what_waits_elsewhere(workshop: Workshop) -> None:
    ticket = await _given(workshop)
    cancelled = await workshop.service.cancel(workshop.operator, ticket.id, 2)
    assert (cancelled.state, cancelled.cancelled_reason) == (TicketState.CANCELLED, 2)
    assert await _asked(workshop, ticket) is None
    assert await _told(workshop) == ["created", "outsourced", "cancelled", "cancelled"]


async def test_who_gave_it_away_leaves_it_alone(workshop: Workshop) -> None:
    service, home = workshop.service, workshop.operator
    ticket = await _given(workshop)
    assert await _refusal(service.begin(home, ticket.id), Conflict) == "ticket.outsourced"
    code = await _refusal(service.close(home, ticket.id), Conflict)
    assert code == "ticket.served_by_another"
    code = await _refusal(service.outsource(home, ticket.id, AWAY), Conflict)
    assert code == "ticket.wrong_state"
    # And who got it does not pass it on.
    code = await _refusal(service.outsource(workshop.outsider, ticket.id, HOME), NotFound)
    assert code == "ticket.unknown"


async def test_only_who_serves_a_ticket_gives_it_away(workshop: Workshop) -> None:
    service = workshop.service
    ticket = await _ordered(workshop)
    await service.begin(workshop.operator, ticket.id)
    code = await _refusal(service.outsource(workshop.colleague, ticket.id, AWAY), Conflict)
    assert code == "ticket.served_by_another"
    given, _ = await service.outsource(workshop.operator, ticket.id, AWAY)
    assert (given.operator_id, given.started_at) == (None, None)


@pytest.mark.parametrize(
    ("provider", "code"), [(HOME, "outsource.own_provider"), (9, "outsource.provider_unknown")]
)
async def test_it_goes_to_another_provider(workshop: Workshop, provider: int, code: str) -> None:
    ticket = await _ordered(workshop)
    work = workshop.service.outsource(workshop.operator, ticket.id, provider)
    assert await _refusal(work, Invalid) == code


async def test_who_serves_it_may_talk_to_the_garage(
    workshop: Workshop, clock: SettableClock
) -> None:
    chat = ChatService(workshop.database, clock, longest=100)
    ticket = await _ordered(workshop)
    code = await _refusal(chat.say(workshop.outsider, ticket.uuid, "Hello"), NotFound)
    assert code == "chat.channel_unknown"
    await workshop.service.outsource(workshop.operator, ticket.id, AWAY)
    said = await chat.say(workshop.outsider, ticket.uuid, "Hello")
    assert said.sender == "operator:op-x"
    await workshop.service.reclaim(workshop.operator, ticket.id)
    await _refusal(chat.say(workshop.outsider, ticket.uuid, "Still there?"), NotFound)
