from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import MockClock

from firmware_sim.buses.can_bus import BusSilentError, CanBus, open_bus
from firmware_sim.firmware.bus_setup import BusSetup
from protocols.can.frame import CanFrame
from protocols.link.buses import BusConfigure, BusState
from protocols.link.vehicle import BusInfo, FrameFilter

BUSES = (BusInfo("can0", "can", 500_000), BusInfo("can1", "can-fd", 500_000, 2_000_000))


@asynccontextmanager
async def setup(name: str) -> AsyncIterator[tuple[BusSetup, CanBus]]:
    async with (
        open_bus(f"virtual:{name}") as classic,
        open_bus(f"virtual:{name}-fd", fd=True) as wide,
    ):
        yield BusSetup({"can0": classic, "can1": wide}, BUSES), classic


async def test_a_session_has_its_bus_run_and_gives_it_back(autojump_clock: MockClock) -> None:
    async with setup("give-back") as (buses, can0):
        answer = await buses.configure(
            BusConfigure(3, "s", "can0", 250_000, None, True, (FrameFilter(0x7E8, 0x7FF),))
        )
        assert answer.id == 3
        assert answer.state == BusState("can0", True, "", 250_000, 0, True, 1)
        assert buses.states()[0] == answer.state
        with pytest.raises(BusSilentError):
            await can0.send(CanFrame(1))
        await buses.release("another")
        assert can0.settings.listen_only
        await buses.release("s")
        assert buses.states()[0] == BusState("can0", True, "", 500_000)
        await can0.send(CanFrame(1))


async def test_the_last_order_holds(autojump_clock: MockClock) -> None:
    async with setup("last") as (buses, can0):
        await buses.configure(BusConfigure(1, "first", "can0", listen_only=True))
        await buses.configure(BusConfigure(2, "second", "can0", 125_000))
        await buses.release("first")
        assert can0.settings.bitrate == 125_000
        await buses.release("second")
        assert can0.settings.bitrate is None


@pytest.mark.parametrize(
    ("order", "failure", "complaint"),
    [
        (BusConfigure(1, "s", "can9"), "unknown_bus", "it has can0, can1"),
        (BusConfigure(1, "s", "can0", 1), "refused", "use 5000 to 1000000"),
        (BusConfigure(1, "s", "can0", None, 2_000_000), "refused", "classic CAN"),
        (BusConfigure(1, "s", "can1", None, 9_000_000), "refused", "use 5000 to 8000000"),
        (
            BusConfigure(1, "s", "can0", filters=(FrameFilter(0x800, 0),)),
            "refused",
            "out of range",
        ),
    ],
)
async def test_what_cannot_be_changes_nothing(
    autojump_clock: MockClock, order: BusConfigure, failure: str, complaint: str
) -> None:
    async with setup(f"no-{failure}") as (buses, can0):
        before = can0.settings
        answer = await buses.configure(order)
        assert (answer.failure, complaint in answer.detail) == (failure, True)
        assert can0.settings == before
        await buses.release("s")


async def test_a_bus_that_goes_down_is_news_with_its_reason(autojump_clock: MockClock) -> None:
    async with setup("down") as (buses, can0):
        with trio.fail_after(1):
            can0._condemn("adapter pulled")
            await buses.wait_changed()
        assert buses.states()[0] == BusState("can0", False, "adapter pulled", 500_000)
        assert buses.states()[1].up
        with trio.fail_after(1):
            await buses.wait_changed()
        assert buses.states()[0].up
