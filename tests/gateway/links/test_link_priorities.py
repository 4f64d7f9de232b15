"""A bus that floods never delays an exchange by more than one batch, in either direction.

Over a path that carries much less than a saturated bus makes, so that batches wait everywhere
they can: the vehicle's end is the real firmware on a bus of its own, the gateway's the real port.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random

import pytest
import trio
from trio.testing import MockClock
from typing_extensions import override

from firmware_sim.buses.can_bus import CanBus, open_bus
from firmware_sim.firmware.connector import Connector
from firmware_sim.firmware.device import Device, Wiring
from firmware_sim.firmware.link import Identity, LinkClient
from firmware_sim.firmware.monitor import BATCH
from gateway.links.monitors import FrameFeed
from protocols.can.batch import encode_batch, peek_batch
from protocols.can.frame import CanFrame
from protocols.link.messages import ExchangeResult
from protocols.link.vehicle import BusInfo, CanTarget, Capabilities, Target
from tests.support.link_pair import PRIVATE, UUID_TEXT
from tests.support.link_world import DialledConnector, LinkWorld, open_world, until

#: Seconds each way, and bytes on the way: 40 kB/s, where the bus makes 85 kB/s of batches.
DELAY, WINDOW = 0.05, 2048
RATE = WINDOW / DELAY

FRAMES = [CanFrame(0x100, bytes(8))] * 41
FULL_BATCH = len(encode_batch(0, [CanFrame(0x100, bytes(8))] * BATCH)) + 16

ENGINE = CanTarget(0x7E0, 0x7E8)


class _Vehicle(Device):
    """A device whose control unit answers at once, without a bus; its bus only makes frames."""

    @override
    async def exchange(self, number: int, target: Target, request: bytes) -> ExchangeResult:
        return ExchangeResult(number)


class _Plug:
    """Measures nothing."""

    ignition: bool | None = None

    def voltage(self) -> float | None:
        return None


@dataclass
class _Flooded:
    """A live connector whose bus is saturated and watched."""

    world: LinkWorld
    feed: FrameFeed
    batches: list[float]
    frames: int = 0
    dropped: int = 0

    async def watch(self) -> None:
        async for batch in self.feed:
            header = peek_batch(batch)
            self.batches.append(trio.current_time())
            self.frames += header.count
            self.dropped += header.dropped


async def _saturate(bus: CanBus) -> None:
    """Send 4 100 frames a second: a 500 kbit/s bus without a gap."""
    while True:
        for frame in FRAMES:
            bus.send_nowait(frame)
        await trio.sleep(0.01)


@asynccontextmanager
async def _flooded() -> AsyncIterator[_Flooded]:
    async with open_world() as world, open_bus("virtual:flood") as bus:
        world.conditions.delay, world.conditions.window = DELAY, WINDOW
        async with open_bus("virtual:flood") as engine, trio.open_nursery() as nursery:
            buses = (BusInfo("can0", "can", 500_000),)
            vehicle = _Vehicle(Wiring(buses=buses, ecus=(), can={"can0": bus}, plug=_Plug()))
            connector = Connector(vehicle, nursery)
            link = LinkClient(
                "ws://gateway/link/v1",
                Identity(UUID_TEXT, PRIVATE),
                Capabilities(buses=buses),
                connector.handle,
                random=Random(1),
                dial=world.open_tcp_stream,
            )
            connector.attach(link)
            nursery.start_soon(link.run)
            nursery.start_soon(connector.write_frames)
            await until(lambda: link.live)
            world.live.open_session("s", writer=True, grace=5)
            with world.live.listen("can0") as feed:
                flooded = _Flooded(world, feed, [])
                nursery.start_soon(flooded.watch)
                nursery.start_soon(_saturate, engine)
                await trio.sleep(3)  # by now batches wait everywhere
                yield flooded
            nursery.cancel_scope.cancel()


async def _delays(flooded: _Flooded, count: int) -> list[float]:
    """Ask again and again, and return how long each answer took."""
    took = []
    for _ in range(count):
        began = trio.current_time()
        with trio.fail_after(20):
            await flooded.world.live.exchange("s", ENGINE, b"\x3e\x00")
        took.append(trio.current_time() - began)
        await trio.sleep(0.13)  # anywhere within a batch
    return took


#: Both ways of the exchange, one batch before it, and what was on the way already.
WORST = 2 * DELAY + FULL_BATCH / RATE + WINDOW / RATE


@pytest.mark.slow
async def test_a_saturated_bus_delays_an_exchange_by_one_batch_at_most(
    autojump_clock: MockClock,
) -> None:
    async with _flooded() as flooded:
        took = await _delays(flooded, 20)
        assert max(took) <= WORST + 0.01
        assert max(took) > 3 * DELAY, "it did wait for a batch, or nothing was tried"
        assert len(flooded.batches) > 10, "and the bus went on being shown"


@pytest.mark.slow
async def test_what_the_path_cannot_carry_is_dropped_and_counted(
    autojump_clock: MockClock,
) -> None:
    async with _flooded() as flooded:
        await trio.sleep(8)
        counters = flooded.world.registry.counters
        assert flooded.dropped > 1000, "the operator is told"
        assert counters.frames_lost == {"connector": flooded.dropped}
        assert counters.frames == {"to_operator": flooded.frames}


@pytest.mark.slow
async def test_an_operator_who_floods_delays_a_request_by_one_batch_at_most(
    autojump_clock: MockClock,
) -> None:
    async with open_world() as world:
        world.conditions.delay, world.conditions.window = DELAY, WINDOW
        device = DialledConnector(world)
        await world.nursery.start(device.connect)
        world.live.open_session("s", writer=True, grace=5)
        batch = encode_batch(0, [CanFrame(0x100, bytes(8))] * BATCH)

        async def flood() -> None:
            while True:
                await world.live.write_frames(batch)

        async with trio.open_nursery() as nursery:
            for _ in range(4):
                nursery.start_soon(flood)
            await trio.sleep(3)
            took = await _delays(_Flooded(world, FrameFeed("can0", ()), []), 20)
            nursery.cancel_scope.cancel()
        assert max(took) <= WORST + 0.01
        assert max(took) > 3 * DELAY
        assert world.registry.counters.frames["to_vehicle"] > 10 * BATCH
