from __future__ import annotations

import itertools

import pytest
import trio
from trio.testing import MockClock

from firmware_sim.buses.can_bus import BusGoneError, open_bus
from firmware_sim.vehicle.broadcasts import Broadcast, send_periodically
from firmware_sim.vehicle.data_spec import SignalSpec
from firmware_sim.vehicle.traffic_spec import BroadcastSpec
from protocols.can.frame import CanFrame

SPEED = SignalSpec(base=800, factor=0.25, length=2)
SPEC = BroadcastSpec(ecu="engine", id=0x107, period=0.1, signals=(SPEED, SignalSpec(base=3)))


def test_signals_follow_each_other_and_the_rest_is_zero() -> None:
    assert Broadcast(SPEC, "x").frame(0.0) == CanFrame(0x107, bytes.fromhex("0c80030000000000"))


async def test_a_broadcast_keeps_its_period_and_can_be_silenced(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    allowed = True
    async with open_bus("virtual:broadcast") as bus, open_bus("virtual:broadcast") as other:
        with other.subscribe({(0x107, False)}) as feed:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(
                    send_periodically, Broadcast(SPEC, "x"), "x", bus, lambda _now: allowed
                )
                await trio.sleep(1.1)
                stamps = [frame.timestamp_us for frame in feed.take_nowait()]
                assert len(stamps) == 11
                assert all(
                    later - earlier == pytest.approx(100_000, abs=2)
                    for earlier, later in itertools.pairwise(stamps)
                )
                allowed = False
                await trio.sleep(1)
                assert feed.take_nowait() == []
                allowed = True

                def gone(_frame: CanFrame) -> None:
                    raise BusGoneError("pulled")

                with monkeypatch.context() as patch:
                    patch.setattr(bus, "send_nowait", gone)
                    await trio.sleep(1)
                await trio.sleep(0.1)
                assert len(feed.take_nowait()) == 1
                nursery.cancel_scope.cancel()
