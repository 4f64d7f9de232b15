from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import trio
from trio.testing import MockClock

from firmware_sim.fleet.fleet import Fleet, FleetOptions
from firmware_sim.fleet.profiles import PROFILES, Profile
from firmware_sim.fleet.scenario import load_scenario
from firmware_sim.fleet.schedule import Schedule
from gateway.links.port import PortOptions
from tests.firmware_sim.fleet.fleet_world import QUICK, enlist
from tests.support.link_world import LinkWorld, open_world, until

IDLE = FleetOptions(PROFILES["idle"], backoff=QUICK)


@pytest.fixture
async def world(autojump_clock: MockClock) -> AsyncIterator[LinkWorld]:
    async with open_world(PortOptions(ping_interval=5.0)) as opened:
        yield opened


class Dials:
    """Where a fleet dials: a world in memory that answers after a while."""

    def __init__(self, world: LinkWorld, takes: float = 0.0) -> None:
        self._world = world
        self._takes = takes
        self.at: list[float] = []
        self.streams: list[trio.abc.Stream] = []

    async def __call__(self, _host: str, _port: int) -> trio.abc.Stream:
        self.at.append(trio.current_time())
        await trio.sleep(self._takes)
        self.streams.append(self._world.dial())
        return self.streams[-1]


@pytest.mark.slow
async def test_everybody_comes_online_and_leaves_with_the_fleet(
    world: LinkWorld, autojump_clock: MockClock
) -> None:
    fleet = Fleet(enlist(world, 20), IDLE, Dials(world))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(fleet.run)
        await until(lambda: fleet.tally.connected == 20)
        assert all(live.connected for live in world.registry)
        nursery.cancel_scope.cancel()
    await trio.sleep(1)
    assert not any(live.connected for live in world.registry)
    assert fleet.tally.connected == 0


@pytest.mark.slow
async def test_first_dials_in_flight_are_bounded(
    world: LinkWorld, autojump_clock: MockClock
) -> None:
    dials = Dials(world, takes=1.0)
    fleet = Fleet(enlist(world, 12), replace(IDLE, in_flight=4), dials)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(fleet.run)
        await until(lambda: fleet.tally.connected == 12, within=10)
        nursery.cancel_scope.cancel()
    rounds = [round(at - dials.at[0]) for at in dials.at]
    assert rounds == [0] * 4 + [1] * 4 + [2] * 4


@pytest.mark.slow
async def test_first_dials_keep_their_rate(world: LinkWorld, autojump_clock: MockClock) -> None:
    dials = Dials(world)
    fleet = Fleet(enlist(world, 11), replace(IDLE, rate=2.0), dials)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(fleet.run)
        await until(lambda: fleet.tally.connected == 11, within=10)
        nursery.cancel_scope.cancel()
    assert dials.at[-1] - dials.at[0] == pytest.approx(5.0, abs=0.01)


@pytest.mark.slow
async def test_everybody_comes_back_to_a_gateway_that_restarts(
    world: LinkWorld, autojump_clock: MockClock
) -> None:
    dials = Dials(world, takes=0.2)
    # The bound on first dials is not one on coming back: a real fleet does not queue either.
    fleet = Fleet(enlist(world, 20), replace(IDLE, in_flight=2), dials)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(fleet.run)
        await until(lambda: fleet.tally.connected == 20, within=10)
        began = trio.current_time()
        world.registry.disconnect_all("the gateway restarts")
        await until(lambda: fleet.tally.links == 40, within=10)
        assert trio.current_time() - began < 1.0
        nursery.cancel_scope.cancel()
    summary = fleet.tally.summary()
    assert (summary.resumed, summary.reconnects) == (20, 20)
    assert summary.endings["restarting by gateway"] == 20


async def test_it_ends_by_itself_when_nobody_is_wanted(
    world: LinkWorld, autojump_clock: MockClock
) -> None:
    entries = enlist(world, 3)
    world.known.clear()
    fleet = Fleet(entries, IDLE, Dials(world))
    with trio.fail_after(30):
        await fleet.run()
    assert fleet.tally.given_up == 3


async def test_status_changes_now_and_then(world: LinkWorld, autojump_clock: MockClock) -> None:
    options = replace(IDLE, profile=Profile(status_every=10.0))
    fleet = Fleet(enlist(world, 2), options, Dials(world))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(fleet.run)
        await trio.sleep(101)
        nursery.cancel_scope.cancel()
    assert 2 + 12 <= fleet.tally.status_reports <= 2 + 40


async def test_sockets_of_half_open_links_close_with_the_fleet(
    world: LinkWorld, autojump_clock: MockClock
) -> None:
    options = replace(IDLE, schedule=Schedule(load_scenario("half-open"), 1))
    fleet = Fleet(enlist(world, 1), options, Dials(world))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(fleet.run)
        await until(lambda: fleet.tally.links == 2, within=100, every=0.1)
        first = world.streams[0]
        assert not first._closed
        nursery.cancel_scope.cancel()
    assert first._closed


def test_busy_and_flaky_do_more_than_idle() -> None:
    assert PROFILES["idle"] == Profile()
    assert PROFILES["busy"].frames_per_second > 0
    assert PROFILES["busy"].scenario is None
    assert load_scenario(PROFILES["flaky"].scenario or "").name == "mixed"
