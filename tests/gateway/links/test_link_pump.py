from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from gateway.domain.errors import Unavailable
from gateway.links.port import PortOptions
from gateway.links.pump import FAREWELL
from protocols.link.messages import CloseCode, StatusReport
from protocols.link.vehicle import CanTarget, FunctionalTarget
from tests.support.link_world import (
    DialledConnector,
    LinkWorld,
    known_as,
    open_world,
    settle,
    until,
)

PING = 5.0
OPTIONS = PortOptions(ping_interval=PING)


async def _online(world: LinkWorld) -> DialledConnector:
    device = DialledConnector(world)
    await world.nursery.start(device.connect)
    await settle()
    return device


async def _ended(world: LinkWorld) -> float:
    """Wait until the link has ended; return how long that took."""
    start = trio.current_time()
    await until(lambda: not world.live.connected, within=120, every=0.02)
    return trio.current_time() - start


async def test_a_half_open_connection_is_found_within_three_pings(
    autojump_clock: MockClock,
) -> None:
    async with open_world(OPTIONS) as world:
        device = await _online(world)
        await trio.sleep(2 * PING + 1)
        assert device.stream is not None
        device.stream.vanish()
        assert await _ended(world) <= 3 * PING
        await trio.sleep(2 * FAREWELL + 1)
        [line] = world.lines("connector link ended")
        assert line["code"] == CloseCode.SILENT
        assert line["reason"] == "nothing was heard for three ping intervals"


@pytest.mark.parametrize(("working", "limit"), [(True, 3 * PING), (False, 12 * PING)])
async def test_a_dead_link_is_found_soon_while_a_session_is_open(
    working: bool, limit: float, autojump_clock: MockClock
) -> None:
    options = PortOptions(ping_interval=PING, idle_ping_interval=4 * PING)
    async with open_world(options, window=1000) as world:
        device = await _online(world)
        await trio.sleep(4 * PING + 1)
        world.live.open_session("s", writer=True, grace=5)
        await trio.sleep(1)
        if not working:
            await world.live.close_session("s")
            await trio.sleep(1)
        assert device.stream is not None
        assert device.link is not None
        assert device.link.patience == limit
        device.stream.vanish()
        assert limit - PING <= await _ended(world) <= limit


async def test_a_resumed_link_is_at_work_at_once_if_a_session_is_open(
    autojump_clock: MockClock,
) -> None:
    options = PortOptions(ping_interval=PING, idle_ping_interval=4 * PING)
    async with open_world(options) as world:
        device = await _online(world)
        world.live.open_session("s", writer=True, grace=5)
        await trio.sleep(1)
        device.cut()
        await trio.sleep(1)
        await world.nursery.start(device.connect)
        await trio.sleep(1)
        assert device.link is not None
        assert device.link.patience == 3 * PING


async def test_a_quiet_connector_that_answers_pings_stays(autojump_clock: MockClock) -> None:
    async with open_world(OPTIONS) as world:
        await _online(world)
        await trio.sleep(600)
        assert world.live.connected
        assert world.live.status.round_trip_ms == 0


async def test_a_connector_that_sends_but_does_not_read_is_dropped(
    autojump_clock: MockClock,
) -> None:
    """It is heard all the time, so silence alone would never find it."""
    async with open_world(OPTIONS) as world:
        world.conditions.window = 4096
        device = await _online(world)
        assert device.stream is not None
        device.stream.swallow_incoming()

        async def chatter() -> None:
            while world.live.connected:
                device.send(StatusReport(voltage_mv=round(trio.current_time() * 1000)))
                await trio.sleep(1)

        async def ask() -> None:
            with pytest.raises(Unavailable):
                await world.live.exchange("s", CanTarget(1, 2), bytes(4000))

        world.nursery.start_soon(chatter)
        for _ in range(3):
            world.nursery.start_soon(ask)
        assert await _ended(world) <= 4 * PING
        await trio.sleep(2 * FAREWELL + 1)
        [line] = world.lines("connector link ended")
        assert line["reason"] == "the connector does not read"
        world.live.abandon()
        await settle()


@pytest.mark.slow
@pytest.mark.parametrize("reads", [True, False])
async def test_being_sent_away_takes_a_bounded_time(
    reads: bool, autojump_clock: MockClock
) -> None:
    async with open_world(OPTIONS) as world:
        world.conditions.window = 4096
        device = await _online(world)
        tasks = len(world.nursery.child_tasks)
        assert device.stream is not None
        if not reads:
            device.stream.swallow_incoming()
            with trio.move_on_after(0.5):
                await world.live.exchange("s", FunctionalTarget(), bytes(4000))
            with trio.move_on_after(0.5):
                await world.live.exchange("s", FunctionalTarget(), bytes(4000))
        start = trio.current_time()
        world.live.end_connection(CloseCode.RESTARTING, "moving")
        assert not world.live.connected
        # Its own task on the port, at the least, has to be gone.
        await until(lambda: len(world.nursery.child_tasks) < tasks, within=2 * FAREWELL + 0.1)
        if reads:
            assert trio.current_time() - start < 0.1


async def test_nobody_else_waits_for_a_connector_that_hangs(autojump_clock: MockClock) -> None:
    async with open_world(OPTIONS) as world:
        world.conditions.window = 4096
        device = await _online(world)
        assert device.stream is not None
        device.stream.swallow_incoming()
        start = trio.current_time()
        async with trio.open_nursery() as nursery:
            for _ in range(20):
                # Cancelled callers never leave half a message behind, nor wait for the socket.
                with trio.move_on_after(0.1):
                    await world.live.exchange("s", FunctionalTarget(), bytes(1000))
            world.live.open_session("s", writer=True, grace=1)
            nursery.cancel_scope.cancel()
        assert trio.current_time() - start == pytest.approx(2.0)


async def test_what_a_cancelled_caller_had_asked_still_goes_out_whole(
    autojump_clock: MockClock,
) -> None:
    async with open_world(OPTIONS) as world:
        world.conditions.window = 512
        world.conditions.delay = 0.05
        device = await _online(world)
        for _ in range(3):
            with trio.move_on_after(0.06):  # in the midst of its many pieces
                await world.live.exchange("s", FunctionalTarget(), bytes(4000))
        result = await world.live.exchange("s", FunctionalTarget(), b"\x3e\x00")
        assert result.responses[0].data == b"\x7e\x00"
        assert [len(asked.request) for asked in device.asked()] == [4000, 4000, 4000, 2]
        assert world.live.connected


async def test_the_clock_of_a_connector_far_away_is_known(autojump_clock: MockClock) -> None:
    async with open_world(OPTIONS) as world:
        world.conditions.delay = 0.2
        await _online(world)
        await trio.sleep(30)
        assert world.live.status.round_trip_ms == pytest.approx(400, abs=1)
        assert abs(world.live.clock_offset_us) < 1000, "both ends have the same clock here"


async def test_a_fault_of_ours_while_handling_ends_that_connection_alone(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The websocket library would take a KeyError for its own, log it, and go on."""
    async with open_world(OPTIONS) as world:
        device = await _online(world)
        other, uuid = known_as(2)
        world.known[other.uuid] = other
        await world.nursery.start(DialledConnector(world, uuid=uuid).connect)

        def fail(_event: object) -> None:
            raise KeyError("a bug of ours")

        monkeypatch.setattr(world.live, "handle", fail)
        device.send(StatusReport(voltage_mv=1))
        await settle()
        assert not world.live.connected
        assert world.registry.require(other.uuid).connected
        assert world.failures() == 1
