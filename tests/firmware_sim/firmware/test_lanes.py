from __future__ import annotations

import trio
import trio.testing
from trio.testing import MockClock

from firmware_sim.firmware.lanes import Lanes


class Street:
    """Takes lanes and notes who had them when."""

    def __init__(self) -> None:
        self.lanes = Lanes()
        self.seen: list[tuple[str, float]] = []

    async def one(self, name: str, address: int, seconds: float = 1.0) -> None:
        async with self.lanes.one(address):
            self.seen.append((name, trio.current_time()))
            await trio.sleep(seconds)

    async def everyone(self, name: str, seconds: float = 1.0) -> None:
        async with self.lanes.everyone():
            self.seen.append((name, trio.current_time()))
            await trio.sleep(seconds)


async def test_one_after_the_other_on_the_same_ecu(autojump_clock: MockClock) -> None:
    street = Street()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(street.one, "a", 1)
        nursery.start_soon(street.one, "b", 1)
    assert sorted(at for _, at in street.seen) == [0.0, 1.0]


async def test_side_by_side_on_different_ecus(autojump_clock: MockClock) -> None:
    street = Street()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(street.one, "a", 1)
        nursery.start_soon(street.one, "b", 2)
    assert [at for _, at in street.seen] == [0.0, 0.0]


async def test_everyone_waits_for_all_and_holds_back_newcomers(autojump_clock: MockClock) -> None:
    street = Street()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(street.one, "slow", 1, 3.0)
        await trio.sleep(1)
        nursery.start_soon(street.everyone, "all")
        await trio.sleep(1)
        nursery.start_soon(street.one, "newcomer", 2)
        nursery.start_soon(street.everyone, "all again")
    assert street.seen[:2] == [("slow", 0.0), ("all", 3.0)]
    assert {at for _, at in street.seen[2:]} == {4.0, 5.0}


async def test_first_come_first_served(autojump_clock: MockClock) -> None:
    street = Street()
    async with trio.open_nursery() as nursery:
        for name in "abcde":
            nursery.start_soon(street.one, name, 1)
            await trio.sleep(0.01)
        nursery.start_soon(street.everyone, "all")
        await trio.sleep(0.01)
        nursery.start_soon(street.one, "last", 2)
    assert [name for name, _ in street.seen] == ["a", "b", "c", "d", "e", "all", "last"]


async def test_cancelled_in_the_moment_of_admission_gives_the_lane_back() -> None:
    lanes = Lanes()
    holding = lanes.one(1)
    await holding.__aenter__()
    async with trio.open_nursery() as nursery:

        async def wait() -> None:
            async with lanes.one(1):
                raise AssertionError("was cancelled before it came in")

        nursery.start_soon(wait)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
        await holding.__aexit__(None, None, None)
    with trio.fail_after(20):
        async with lanes.everyone():
            pass


async def test_whoever_gives_up_waiting_blocks_nobody(autojump_clock: MockClock) -> None:
    street = Street()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(street.one, "slow", 1, 5.0)
        await trio.sleep(1)
        with trio.move_on_after(1):
            await street.everyone("impatient")
        nursery.start_soon(street.one, "other", 2)
    assert street.seen == [("slow", 0.0), ("other", 2.0)]


async def test_whoever_is_cancelled_inside_gives_its_lane_back(autojump_clock: MockClock) -> None:
    street = Street()
    with trio.move_on_after(1):
        await street.one("a", 1, 10.0)
    with trio.move_on_after(1):
        await street.everyone("b", 10.0)
    await street.one("c", 1)
    assert street.seen == [("a", 0.0), ("b", 1.0), ("c", 2.0)]
