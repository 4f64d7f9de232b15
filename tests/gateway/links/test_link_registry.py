from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
import trio
from trio.testing import MockClock

from gateway.domain.connector import OFFLINE
from gateway.domain.errors import Unavailable
from gateway.links.registry import STATUS_EVENT, describe
from protocols.link.events import Closed, Live
from protocols.link.messages import CloseCode, ExchangeRequest, StatusReport
from protocols.link.vehicle import BusInfo, Capabilities, FunctionalTarget
from tests.support.link_world import (
    KNOWN,
    UUID_ONE,
    DialledConnector,
    LinkWorld,
    open_world,
    settle,
)


async def _online(world: LinkWorld) -> DialledConnector:
    device = DialledConnector(world)
    await world.nursery.start(device.connect)
    await settle()
    return device


async def test_nothing_is_known_of_who_never_dialled(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        assert world.registry.find(UUID_ONE) is None
        assert world.registry.status(UUID_ONE) is OFFLINE
        with pytest.raises(Unavailable) as refused:
            world.registry.require(UUID_ONE)
        assert refused.value.code == "connector.offline"


async def test_coming_online_is_told_once_with_everything_known(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        buses = (BusInfo("eth0", "doip"),)
        device = DialledConnector(world, capabilities=Capabilities(buses, software=4))
        await world.nursery.start(device.connect)
        first = world.published[0]
        assert (first.type, first.subject, first.tenant_id) == (
            STATUS_EVENT,
            "connector:100000001",
            7,
        )
        assert first.payload == {
            "connector_id": 100_000_001,
            "connector_uuid": str(UUID_ONE),
            "online": True,
            "since": "2026-03-02T09:30:00+00:00",
            "vin": None,
            "voltage": None,
            "ignition": None,
            "wifi": False,
            "round_trip_ms": None,
            "software_version": 4,
            "hardware_version": 0,
            "supports_doip": True,
        }


async def test_status_is_told_only_when_it_changes(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        device = await _online(world)
        world.published.clear()
        report = StatusReport("WVWZZZAUZKW123456", 12_600, ignition=True)
        for _ in range(5):
            device.send(report)
        await trio.sleep(30)
        [told] = world.statuses()
        assert (told["vin"], told["voltage"], told["ignition"]) == (
            "WVWZZZAUZKW123456",
            12.6,
            True,
        )
        device.send(msgspec.structs.replace(report, voltage_mv=12_500))
        await settle()
        assert [status["voltage"] for status in world.statuses()] == [12.6, 12.5]


async def test_the_round_trip_is_told_when_it_moves_by_a_step(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        world.conditions.delay = 0.05
        await world.nursery.start(DialledConnector(world).connect)
        await trio.sleep(60)
        assert [status["round_trip_ms"] for status in world.statuses()] == [None, 100.0]
        world.streams[-1].slow_down(0.053)
        await trio.sleep(300)
        assert len(world.published) == 2, "six milliseconds are no news"
        world.streams[-1].slow_down(0.1)
        await trio.sleep(300)
        told = [status["round_trip_ms"] for status in world.statuses()][2:]
        assert 5 <= len(told) <= 9
        assert told[-1] == pytest.approx(200, abs=10)


async def test_a_cut_link_stays_online_for_its_window_and_resumes_silently(
    autojump_clock: MockClock,
) -> None:
    async with open_world(window=60.0) as world:
        device = await _online(world)
        live = world.live
        world.published.clear()
        device.cut()
        await trio.sleep(59)
        assert world.registry.status(UUID_ONE).online
        assert not live.connected
        await world.nursery.start(device.connect)
        await settle()
        assert world.live is live
        assert world.live.connected
        assert device.told[-1] == Live(resumed=True)
        await trio.sleep(120)
        assert world.registry.status(UUID_ONE).online
        assert world.published == []


async def test_the_window_ends_a_link_with_a_clear_error(autojump_clock: MockClock) -> None:
    async with open_world(window=60.0) as world:
        device = await _online(world)
        device.answer = lambda _request: None
        world.nursery.start_soon(_cut_soon, device)
        start = trio.current_time()
        with pytest.raises(Unavailable) as refused:
            await world.live.exchange("s", FunctionalTarget(), b"\x3e\x00")
        assert refused.value.code == "connector.offline"
        assert "resume window" in refused.value.detail
        assert trio.current_time() - start == pytest.approx(61.0)
        assert world.registry.find(UUID_ONE) is None
        assert world.statuses()[-1]["online"] is False
        # What comes back later is a new link.
        await world.nursery.start(device.connect)
        assert device.told[-1] == Live(resumed=False)


async def _cut_soon(device: DialledConnector) -> None:
    await trio.sleep(1.0)
    device.cut()


async def test_the_newest_connection_of_a_connector_wins(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        first = await _online(world)
        second = await _online(world)
        assert first.told[-1] == Closed(
            CloseCode.REPLACED, "the connector has dialled in again", by_peer=True
        )
        assert world.live.connected
        assert len(world.registry) == 1
        await trio.sleep(600)
        assert world.live.connected, "the end of the first is not the end of the second"
        result = await world.live.exchange("s", FunctionalTarget(), b"\x3e\x00")
        assert result.responses[0].data == b"\x7e\x00"
        assert len(second.of(ExchangeRequest)) == 1
        assert first.of(ExchangeRequest) == []


async def test_a_connector_may_come_back_before_its_end_was_noticed(
    autojump_clock: MockClock,
) -> None:
    """A phone that changes cells: the old connection is dead, and nobody knows yet."""
    async with open_world() as world:
        device = await _online(world)
        device.answer = lambda _request: None
        assert device.stream is not None
        device.stream.vanish()
        results = []

        async def ask() -> None:
            results.append(await world.live.exchange("s", FunctionalTarget(), b"\x3e\x00"))

        world.nursery.start_soon(ask)
        await trio.sleep(1.0)
        assert device.link is not None
        device.link.lost("changed cells")
        again = DialledConnector(world, memory=device.memory)
        await world.nursery.start(again.connect)
        await settle()
        assert again.told[0] == Live(resumed=True)
        assert len(results) == 1


async def test_a_disabled_connector_goes_for_good_and_takes_nobody_along(
    autojump_clock: MockClock,
) -> None:
    async with open_world(window=5.0) as world:
        device = await _online(world)
        world.registry.disconnect(UUID_ONE, CloseCode.DISABLED, "switched off")
        await settle()
        assert device.told[-1] == Closed(CloseCode.DISABLED, "switched off", by_peer=True)
        assert world.registry.find(UUID_ONE) is None
        assert world.statuses()[-1]["online"] is False
        # The housekeeping outlives it: others come, and go after their window.
        await trio.sleep(30)
        again = DialledConnector(world)
        await world.nursery.start(again.connect)
        assert world.live.connected
        again.cut()
        await trio.sleep(6)
        assert world.registry.find(UUID_ONE) is None


async def test_disconnecting_who_is_away_or_unknown_is_fine(autojump_clock: MockClock) -> None:
    async with open_world(window=5.0) as world:
        world.registry.disconnect(UUID_ONE, CloseCode.DISABLED, "never seen")
        device = await _online(world)
        device.cut()
        await settle()
        world.registry.disconnect(UUID_ONE, CloseCode.DISABLED, "interrupted")
        assert world.registry.find(UUID_ONE) is None
        await trio.sleep(30)
        assert [status["online"] for status in world.statuses()][-1] is False


async def test_a_stop_tells_everybody_to_come_back(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        device = await _online(world)
        world.registry.disconnect_all("the gateway restarts")
        await settle()
        closed = device.told[-1]
        assert isinstance(closed, Closed)
        assert (closed.code, closed.by_peer) == (CloseCode.RESTARTING, True)
        assert world.lines("connector link ended")[0]["code"] == CloseCode.RESTARTING


async def test_a_restarted_connector_is_the_same_one_anew(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        device = await _online(world)
        live, generation = world.live, world.live.generation
        device.cut()
        device.restart()
        await world.nursery.start(device.connect)
        await settle()
        assert world.live is live
        assert live.generation == generation + 1
        assert [status["online"] for status in world.statuses()].count(False) == 0


async def test_a_claim_beyond_what_was_kept_begins_a_new_link(autojump_clock: MockClock) -> None:
    """A connector whose memory was damaged must not be refused with every attempt."""
    async with open_world() as world:
        device = await _online(world)
        device.cut()
        await settle()
        device.memory.delivery.received = 4711
        await world.nursery.start(device.connect)
        assert device.told[-1] == Live(resumed=False)
        assert world.live.connected


async def test_a_connector_that_moved_reports_to_its_new_garage(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        device = await _online(world)
        device.cut()
        await settle()
        world.known[UUID_ONE] = replace(KNOWN, tenant_id=8)
        await world.nursery.start(device.connect)
        device.send(StatusReport(voltage_mv=12_000))
        await settle()
        assert world.published[-1].tenant_id == 8


async def test_a_description_is_ready_for_json(autojump_clock: MockClock) -> None:
    async with open_world() as world:
        await _online(world)
        face = describe(world.live.known, world.live.status)
        assert msgspec.json.decode(msgspec.json.encode(face))["online"] is True
        assert [live.known.number for live in world.registry] == [100_000_001]
