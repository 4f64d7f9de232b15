from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
import pytest
import trio
from trio.testing import MockClock

from firmware_sim.fleet.scenario import FaultKind, FaultSpec, Scenario
from firmware_sim.fleet.schedule import Schedule
from firmware_sim.fleet.tally import Fates
from gateway.links.port import PortOptions
from protocols.link.messages import CloseCode
from tests.firmware_sim.fleet.fleet_world import Company, company
from tests.support.faulty_stream import FaultyStream
from tests.support.link_world import LinkWorld, open_world, until


@pytest.fixture
async def world(autojump_clock: MockClock) -> AsyncIterator[LinkWorld]:
    async with open_world(PortOptions(ping_interval=5.0)) as opened:
        yield opened


def plagued(world: LinkWorld, **spec: object) -> Company:
    """Return members whom one kind of fault befalls, ten seconds after the link is up."""
    spec = {"after": (10, 10), "lasts": (3, 3), "at_byte": (0, 0), **spec}
    scenario = Scenario("test", (msgspec.convert(spec, FaultSpec),))
    return company(world, schedule=Schedule(scenario, 1))


async def fates(crew: Company, kind: FaultKind, seconds: float) -> Fates:
    await crew.join()
    await trio.sleep(seconds)
    return crew.tally.fates(kind)


async def test_a_cut_link_goes_on_where_it_was(
    world: LinkWorld, autojump_clock: MockClock
) -> None:
    crew = plagued(world, kind="cut")
    assert await fates(crew, FaultKind.CUT, 15) == Fates(injected=1, resumed=1)
    assert await fates(crew, FaultKind.CUT, 0) == Fates(injected=1, resumed=1)


@pytest.mark.slow
async def test_the_next_fault_follows_when_the_link_is_back(
    world: LinkWorld, autojump_clock: MockClock
) -> None:
    crew = plagued(world, kind="cut")
    counted = await fates(crew, FaultKind.CUT, 100)
    assert 7 <= counted.injected <= 9
    assert counted.resumed + counted.open == counted.injected


async def test_a_reboot_begins_anew(world: LinkWorld, autojump_clock: MockClock) -> None:
    counted = await fates(plagued(world, kind="reboot"), FaultKind.REBOOT, 16)
    assert counted == Fates(injected=1, renewed=1)


async def test_a_half_open_link_is_found_by_its_silence_and_replaces_itself(
    world: LinkWorld, autojump_clock: MockClock
) -> None:
    crew = plagued(world, kind="half-open")
    await crew.join()
    await trio.sleep(11)
    assert crew.tally.fates(FaultKind.HALF_OPEN) == Fates(injected=1, open=1)
    await until(lambda: crew.tally.links == 2, within=3 * 5 + 2 * 2 + 2, every=0.05)
    assert crew.tally.fates(FaultKind.HALF_OPEN) == Fates(injected=1, resumed=1)
    # The gateway had to find out by itself too, or by the connector's second dial-in.
    [ended] = world.lines("connector link ended")
    assert ended["code"] in {CloseCode.SILENT, CloseCode.REPLACED}
    assert ended["by_peer"] is False
    assert len(crew.graveyard) == 1


async def test_a_short_delay_and_a_short_stall_are_survived(
    world: LinkWorld, autojump_clock: MockClock
) -> None:
    for kind in ("delay", "slow-reader"):
        crew = plagued(world, kind=kind, delay=(0.4, 0.4))
        counted = await fates(crew, FaultKind(kind), 14)
        assert counted == Fates(injected=1, survived=1)
        assert crew.tally.links == 1


async def test_a_stall_beyond_three_pings_is_not(
    world: LinkWorld, autojump_clock: MockClock
) -> None:
    crew = plagued(world, kind="slow-reader", lasts=(60, 60))
    counted = await fates(crew, FaultKind.SLOW_READER, 35)
    assert counted.resumed >= 1
    assert counted.survived == 0


@pytest.mark.slow
async def test_a_flipped_bit_ends_in_a_link_that_works(
    world: LinkWorld, autojump_clock: MockClock
) -> None:
    crew = plagued(world, kind="corrupt", flips=(3, 3), lasts=(30, 30))
    counted = await fates(crew, FaultKind.CORRUPT, 200)
    assert counted.injected >= 3
    assert counted.injected == counted.resumed + counted.renewed + counted.survived + counted.open
    assert counted.resumed + counted.renewed >= 1
    assert crew.tally.given_up == 0
    assert world.failures() == 0


async def test_who_is_refused_after_a_fault_is_counted_so(
    world: LinkWorld, autojump_clock: MockClock
) -> None:
    crew = plagued(world, kind="cut")
    await crew.join()
    world.known.clear()
    await until(lambda: crew.tally.given_up == 1, within=30, every=0.05)
    assert crew.tally.fates(FaultKind.CUT) == Fates(injected=1, refused=1)


async def test_nothing_befalls_who_is_offline(
    world: LinkWorld, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    crew = plagued(world, kind="cut", after=(30, 30))
    await crew.join()
    reachable = world.dial

    def unreachable() -> FaultyStream:
        raise ConnectionRefusedError("nobody listens")

    monkeypatch.setattr(world, "dial", unreachable)
    world.streams[-1].cut()
    await trio.sleep(100)
    assert crew.tally.faults == {}
    monkeypatch.setattr(world, "dial", reachable)
    await trio.sleep(40)
    assert crew.tally.fates(FaultKind.CUT).injected == 1
