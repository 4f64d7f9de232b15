"""Those who follow one thing, in virtual time."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
import trio
import trio.testing
from trio.testing import MockClock

from gateway.bus.memory import MemoryBus
from gateway.domain.errors import NotFound, Unavailable
from gateway.domain.events import Event
from gateway.domain.principal import CustomerPrincipal
from gateway.ws.customer.audience import AT_ONCE, READ_EVERY, SMALLEST_GAP, Audiences
from gateway.ws.customer.messages import Followed, Kind
from gateway.ws.customer.outgoing import Notice
from gateway.ws.customer.updates import Update

INTERVAL = 5.0
TICKET, CONNECTOR = Followed(Kind.TICKET, 7), Followed(Kind.CONNECTOR, 7)


class Shelf:
    """Where updates are read; a read takes 0.1 s and says how things were when it began."""

    def __init__(self) -> None:
        self.state: object = 1
        self.reads = 0
        self.failure: Exception | None = None

    async def of(self, customer: CustomerPrincipal, followed: Followed) -> Update:
        state, self.reads = self.state, self.reads + 1
        await trio.sleep(0.1)
        if self.failure is not None:
            raise self.failure
        if customer.tenant_id != 1:
            raise NotFound("ticket.unknown", "You have no such ticket.")
        return Update(f"{followed.kind.value.lower()}:{followed.id}", {"state": state})


class Portal:
    """A member that notes what it is told and when."""

    def __init__(self) -> None:
        # Any: a state, or the code of a problem.
        self.heard: list[tuple[float, Any]] = []
        self.gone: list[str] = []
        self.failure: Exception | None = None

    def told(self, followed: Followed, notice: Notice) -> None:
        message = json.loads(notice.text)
        said = message["message"]
        known = message["action"] == followed.action
        self.heard.append((trio.current_time(), said["state"] if known else said["code"]))

    def lost(self, _followed: Followed, notice: Notice) -> None:
        self.gone.append(json.loads(notice.text)["message"]["code"])

    def fail(self, error: Exception) -> None:
        self.failure = error

    @property
    def last(self) -> Any:
        return self.heard[-1][1]


class House:
    """Audiences over a shelf and a bus."""

    def __init__(self) -> None:
        self.shelf, self.bus = Shelf(), MemoryBus()
        self.audiences = Audiences(self.shelf, self.bus, INTERVAL)  # type: ignore[arg-type]
        self.customer = customer(1)

    async def join(self, followed: Followed = TICKET) -> Portal:
        portal = Portal()
        await self.audiences.join(portal, self.customer, followed)
        return portal

    async def change(self, state: object) -> None:
        self.shelf.state = state
        await self.bus.publish(Event("tickets.x", "ticket:7", 1, {}, datetime.now(UTC)))


async def settled(portal: Portal) -> Portal:
    await trio.sleep(1)
    return portal


def customer(tenant: int) -> CustomerPrincipal:
    return CustomerPrincipal(tenant, uuid4(), None, 1)


@pytest.fixture
async def house(nursery: trio.Nursery) -> House:
    house = House()
    await nursery.start(house.audiences.run)
    return house


async def test_everybody_is_told_at_once_and_again_with_one_read(
    house: House, autojump_clock: MockClock
) -> None:
    first = await house.join()
    await trio.sleep(1)
    began, reads = trio.current_time(), house.shelf.reads
    others = [await house.join() for _ in range(AT_ONCE * 3)]
    assert {other.heard[0] for other in others} == {(began, 1)}
    await trio.sleep(INTERVAL * (READ_EVERY - 1))
    assert [len(portal.heard) for portal in (first, *others)] == [3] * 301
    assert house.shelf.reads == reads
    await trio.sleep(INTERVAL)
    assert house.shelf.reads == reads + 1


async def test_a_change_is_told_to_everybody_by_one_read(
    house: House, autojump_clock: MockClock
) -> None:
    portals = [await house.join() for _ in range(250)]
    await trio.sleep(1)
    reads, changed = house.shelf.reads, trio.current_time()
    await house.change(2)
    await trio.sleep(0.2)
    assert {portal.last for portal in portals} == {2}
    assert max(portal.heard[-1][0] for portal in portals) - changed <= 0.11
    assert house.shelf.reads == reads + 1


async def test_who_comes_while_it_is_read_anew_hears_the_new_state(
    house: House, autojump_clock: MockClock
) -> None:
    await house.join()
    await trio.sleep(1)
    await house.change(2)
    await trio.sleep(0.05)
    late = await house.join()
    await trio.sleep(0.3)
    assert [state for _, state in late.heard] == [2]


async def test_a_change_during_the_read_is_read_again(
    house: House, autojump_clock: MockClock
) -> None:
    portal = await house.join()
    await trio.sleep(1)
    await house.change(2)
    await trio.sleep(0.05)
    await house.change(3)
    await trio.sleep(0.5)
    assert [state for _, state in portal.heard] == [1, 2, 3]


async def test_a_thing_that_changes_all_the_time_does_not_flood(
    house: House, autojump_clock: MockClock
) -> None:
    portal = await house.join()
    for number in range(200):
        await house.change(number)
        await trio.sleep(0.01)
    assert len(portal.heard) <= 2 / SMALLEST_GAP + 2


async def test_how_a_connector_is_is_read_for_every_update(
    house: House, autojump_clock: MockClock
) -> None:
    portal = await house.join(CONNECTOR)
    await trio.sleep(1)
    for state in (2, 3, 4):
        house.shelf.state = state
        await trio.sleep(INTERVAL)
        assert portal.last == state


async def test_who_subscribes_again_is_told_at_once_and_alone(
    house: House, autojump_clock: MockClock
) -> None:
    portal, other = await house.join(CONNECTOR), await house.join(CONNECTOR)
    await trio.sleep(1)
    await house.audiences.join(portal, house.customer, CONNECTOR)
    await trio.sleep(0.2)
    assert (len(portal.heard), len(other.heard)) == (2, 1)


async def test_a_foreign_thing_is_refused_and_leaves_nothing(
    house: House, autojump_clock: MockClock
) -> None:
    await house.join()
    with pytest.raises(NotFound):
        await house.audiences.join(Portal(), customer(2), TICKET)
    assert len(house.audiences) == 1


async def test_who_leaves_is_told_no_more_and_the_last_one_ends_it(
    house: House, autojump_clock: MockClock
) -> None:
    first, second = await house.join(), await house.join()
    await trio.sleep(1)
    house.audiences.leave(first, house.customer, TICKET)
    house.audiences.leave(first, house.customer, TICKET)
    await house.change(2)
    await trio.sleep(1)
    assert (first.last, second.last) == (1, 2)
    house.audiences.leave(second, house.customer, TICKET)
    await trio.testing.wait_all_tasks_blocked()
    assert len(house.audiences) == 0
    assert house.bus.statistics().subscriptions == 0


async def test_who_leaves_before_it_began_and_comes_back_is_told(
    house: House, autojump_clock: MockClock
) -> None:
    portal = Portal()
    await house.audiences.join(portal, house.customer, TICKET)
    house.audiences.leave(portal, house.customer, TICKET)
    await house.audiences.join(portal, house.customer, TICKET)
    await trio.sleep(1)
    assert portal.last == 1
    assert house.bus.statistics().subscriptions == 1


async def test_what_is_gone_is_said_once_to_everybody(
    house: House, autojump_clock: MockClock
) -> None:
    portals = [await house.join() for _ in range(3)]
    await trio.sleep(1)
    house.shelf.failure = NotFound("ticket.unknown", "You have no such ticket.")
    await house.change(2)
    await trio.sleep(1)
    assert [portal.gone for portal in portals] == [["ticket.unknown"]] * 3


async def test_while_the_database_is_away_everybody_hears_so_and_then_how_it_is(
    house: House, autojump_clock: MockClock
) -> None:
    portal = await house.join()
    await trio.sleep(1)
    house.shelf.failure = Unavailable("storage.unavailable", "Try again.")
    await house.change(2)
    await trio.sleep(1)
    assert portal.last == "storage.unavailable"
    house.shelf.failure = None
    newcomer = await house.join()
    await trio.sleep(1)
    assert newcomer.last == 2
    await trio.sleep(INTERVAL)
    assert portal.last == 2


async def test_a_mistake_ends_those_who_follow_and_nobody_else(
    house: House, autojump_clock: MockClock
) -> None:
    portal, other = await house.join(), await house.join(CONNECTOR)
    await trio.sleep(1)
    house.shelf.failure = ValueError("no ticket looks like that")
    await house.change(2)
    await trio.sleep(0.5)
    house.shelf.failure = None
    assert portal.failure is not None
    assert other.failure is None
    assert len(house.audiences) == 1
    again = await house.join()
    await trio.sleep(1)
    assert again.last == 2


async def test_closed_audiences_end(autojump_clock: MockClock) -> None:
    house = House()
    async with trio.open_nursery() as nursery:
        await nursery.start(house.audiences.run)
        await house.join()
        await house.audiences.close()
    assert house.bus.statistics().subscriptions == 0
    async with trio.open_nursery() as nursery:  # the server was started again
        await nursery.start(house.audiences.run)
        assert (await settled(await house.join())).last == 1
        await house.audiences.close()
