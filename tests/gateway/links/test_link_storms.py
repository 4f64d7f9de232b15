"""Many at once, and one again and again: who is let in, and who is told to wait."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from uuid import UUID

import pytest
import trio
from trio.testing import MockClock

from firmware_sim.firmware.link import Identity, LinkClient
from gateway.links.admission import BRISK, AdmissionLimits
from gateway.links.flapping import FlappingLimits
from gateway.links.port import PortOptions
from protocols.link.events import Closed, Event, Live
from protocols.link.messages import CloseCode
from tests.support.link_pair import CAPABILITIES, PRIVATE
from tests.support.link_world import (
    UUID_ONE,
    DialledConnector,
    LinkWorld,
    known_as,
    open_world,
    settle,
    until,
)


class _Crowd:
    """Firmware clients, and when each was turned away or came online."""

    def __init__(self, world: LinkWorld, count: int) -> None:
        self.turned_away: list[float] = []
        self.asked_to_wait: list[float] = []
        self.online = 0
        self.clients = [self._client(world, 1000 + number) for number in range(count)]

    def _client(self, world: LinkWorld, number: int) -> LinkClient:
        known, uuid = known_as(number)
        world.known[known.uuid] = known
        return LinkClient(
            "ws://gateway/link/v1",
            Identity(uuid, PRIVATE),
            CAPABILITIES,
            self._handle,
            random=Random(number),
            dial=world.open_tcp_stream,
        )

    def _handle(self, event: Event) -> None:
        match event:
            case Live():
                self.online += 1
            case Closed(code, _, wait_ms, by_peer) if by_peer:
                assert code == CloseCode.OVERLOADED
                assert wait_ms is not None
                self.turned_away.append(trio.current_time())
                self.asked_to_wait.append(wait_ms / 1000)
            case _:
                return


@pytest.mark.slow
async def test_a_returning_fleet_comes_back_at_the_accepted_rate_and_nobody_is_lost(
    autojump_clock: MockClock,
) -> None:
    limits = AdmissionLimits(handshakes=100, rate=20.0)
    async with open_world(PortOptions(admission=limits)) as world:
        world.listen()
        crowd = _Crowd(world, 200)
        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            for client in crowd.clients:
                nursery.start_soon(client.run)
            await until(lambda: crowd.online == 200, within=60, every=0.05)
            took = trio.current_time() - began
            nursery.cancel_scope.cancel()
        counters = world.registry.counters
        assert 0.95 * (200 - 20) / 20 <= took <= 30, "at the rate, and hardly slower"
        assert counters.refused == {}, "they waited in the listen queue"
        assert crowd.turned_away == []
        assert counters.links["new"] == 200
        assert len(world.streams) == 200, "one dial each"
        assert world.port.admission.handshakes == 0


@pytest.mark.slow
async def test_a_crowd_beyond_the_hard_bound_is_told_when_to_come(
    autojump_clock: MockClock,
) -> None:
    limits = AdmissionLimits(handshakes=4, rate=1000.0, brisk=1000)
    async with open_world(PortOptions(admission=limits)) as world:
        world.listen()
        silent = [world.dial() for _ in range(4)]  # who take what places there are
        await settle()
        crowd = _Crowd(world, 4)
        async with trio.open_nursery() as nursery:
            for client in crowd.clients:
                nursery.start_soon(client.run)
            await until(lambda: crowd.online == 4, within=60, every=0.05)
            nursery.cancel_scope.cancel()
        counters = world.registry.counters
        assert counters.refused["crowd"] == len(crowd.turned_away) >= 4
        assert not world.lines("link refused"), "a crowd is no reason for a line each"
        assert counters.refused["no_websocket"] == len(silent)


@pytest.mark.slow
async def test_silent_strangers_keep_no_connector_out(autojump_clock: MockClock) -> None:
    """Each holds up the next in line for half a second at most."""
    limits = AdmissionLimits(handshakes=100, rate=1000.0, brisk=4)
    async with open_world(PortOptions(admission=limits)) as world:
        world.listen()
        for _ in range(40):
            world.dial()
        began = trio.current_time()
        await world.nursery.start(DialledConnector(world).connect)
        assert trio.current_time() - began <= 40 / 4 * BRISK + 0.1


async def test_who_is_told_to_wait_does_not_come_before(autojump_clock: MockClock) -> None:
    limits = AdmissionLimits(handshakes=4, rate=1.0)
    async with open_world(PortOptions(admission=limits)) as world:
        for _ in range(4):
            world.dial()  # and keep silent
        await settle()
        crowd = _Crowd(world, 4)
        async with trio.open_nursery() as nursery:
            for client in crowd.clients:
                nursery.start_soon(client.run)
            await until(lambda: len(crowd.turned_away) >= 4, within=1)
            due = [
                told + wait
                for told, wait in zip(crowd.turned_away, crowd.asked_to_wait, strict=True)
            ]
            dialled = len(world.streams)
            await trio.sleep(min(due) - trio.current_time() - 0.01)
            assert len(world.streams) == dialled
            await until(lambda: crowd.online == 4, within=60, every=0.05)
            nursery.cancel_scope.cancel()


async def test_strangers_who_keep_silent_hold_their_place_for_a_bounded_time(
    autojump_clock: MockClock,
) -> None:
    limits = AdmissionLimits(handshakes=4, rate=100.0)
    async with open_world(PortOptions(admission=limits)) as world:
        silent = [world.dial() for _ in range(11)]
        await settle()
        counters = world.registry.counters
        assert world.port.admission.handshakes == 4
        assert counters.refused == {"unheard": 3}, "four are told, if they ask"
        for stream in silent[-3:]:
            assert await stream.receive_some() == b"", "closed at once"
        await trio.sleep(25)
        assert counters.refused == {"unheard": 3, "no_websocket": 8}
        await world.nursery.start(DialledConnector(world).connect)
        assert world.port.admission.handshakes == 0


# --- flapping -------------------------------------------------------------------------------

FLAPPING = PortOptions(flapping=FlappingLimits(links=3, first_pause=8.0, longest_pause=20.0))


@contextmanager
def _looked_up(world: LinkWorld) -> Iterator[list[UUID]]:
    """Note who is looked up while the block runs."""
    asked: list[UUID] = []
    find = world.port.find

    async def noting(uuid: UUID) -> object:
        asked.append(uuid)
        return await find(uuid)

    world.port.find = noting  # type: ignore[assignment]
    yield asked
    world.port.find = find


async def _reboot(world: LinkWorld) -> Closed | None:
    """Dial in as a device that has just started; return how it was turned away, if it was."""
    device = DialledConnector(world)
    with trio.move_on_after(1):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(device.connect)
            await until(lambda: bool(device.told))
            nursery.cancel_scope.cancel()
    device.cut()
    await settle()
    first = device.told[0]
    return first if isinstance(first, Closed) else None


@pytest.mark.slow
async def test_a_flapping_connector_gets_growing_pauses_until_it_stays(
    autojump_clock: MockClock,
) -> None:
    async with open_world(FLAPPING) as world:
        assert [await _reboot(world) for _ in range(3)] == [None, None, None]
        pauses = []
        for _ in range(4):
            closed = await _reboot(world)
            assert closed is not None
            assert (closed.code, closed.by_peer) == (CloseCode.OVERLOADED, True)
            pauses.append((closed.retry_after_ms or 0) / 1000)
            await trio.sleep(pauses[-1])
            assert await _reboot(world) is None, "one attempt"
        assert pauses == [8.0, 16.0, 20.0, 20.0]
        await trio.sleep(61)
        assert [await _reboot(world) for _ in range(3)] == [None, None, None]
        assert world.registry.counters.refused == {"damped": 4}


async def test_a_paused_connector_costs_no_look_up_and_tells_nobody(
    autojump_clock: MockClock,
) -> None:
    async with open_world(FLAPPING) as world:
        await _reboot(world)
        told = len(world.published)
        for _ in range(3):
            await _reboot(world)
        with _looked_up(world) as asked:
            for _ in range(10):
                assert await _reboot(world) is not None
        assert asked == []
        assert len(world.published) == told, "nothing has changed since its first time"


@pytest.mark.slow
async def test_resuming_is_never_flapping_also_over_a_half_open_connection(
    autojump_clock: MockClock,
) -> None:
    async with open_world(FLAPPING) as world:
        device = DialledConnector(world)
        await world.nursery.start(device.connect)
        for count in range(40):
            assert device.stream is not None
            if count % 2:
                device.stream.vanish()  # only we find out: it dials while the old one stands
            else:
                device.cut()
            await settle()
            await world.nursery.start(device.connect)
        counters = world.registry.counters
        assert counters.links == {"new": 1, "resumed": 40}
        assert counters.superseded == 20
        assert counters.refused == {}
        assert len(world.published) == 1, "it has been online all the time"


async def test_nobody_can_have_another_paused(autojump_clock: MockClock) -> None:
    async with open_world(FLAPPING) as world:
        for _ in range(20):
            await DialledConnector(world, private=bytes(range(1, 33))).connect()
        assert world.registry.counters.refused == {"authentication": 20}
        assert world.port.flapping.pause(UUID_ONE, trio.current_time()) == 0.0
        assert await _reboot(world) is None
