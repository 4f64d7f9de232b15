from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock, memory_stream_pair

from firmware_sim.fleet.faults import FaultyStream
from firmware_sim.fleet.scenario import FaultKind
from firmware_sim.fleet.schedule import Fault


def fault(
    kind: FaultKind, *, at_byte: int = 0, delay: float = 0.0, flips: int = 0, salt: int = 1
) -> Fault:
    return Fault(kind, 0.0, 1.0, at_byte, delay, flips, salt)


class Road:
    """A faulty stream, the far end of its connection, and who was buried."""

    def __init__(self) -> None:
        near, self.far = memory_stream_pair()
        self.buried: list[trio.abc.Stream] = []
        self.near = near
        self.stream = FaultyStream(near, self.buried.append)

    async def blocked(self, work: Callable[[], Awaitable[object]]) -> bool:
        with trio.move_on_after(1000) as scope:
            await work()
        return scope.cancelled_caught


async def test_without_a_fault_it_is_just_a_stream() -> None:
    road = Road()
    await road.stream.wait_send_all_might_not_block()
    await road.stream.send_all(b"to")
    await road.far.send_all(b"fro")
    assert await road.far.receive_some() == b"to"
    assert await road.stream.receive_some(2) == b"fr"
    await road.stream.aclose()
    assert await road.far.receive_some() == b""
    assert road.buried == []


async def test_a_cut_breaks_whoever_reads_and_whoever_comes_later() -> None:
    road = Road()

    async def read() -> None:
        with pytest.raises(trio.BrokenResourceError):
            await road.stream.receive_some()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read)
        await trio.testing.wait_all_tasks_blocked()
        road.stream.begin(fault(FaultKind.CUT))
    for work in (road.stream.receive_some, lambda: road.stream.send_all(b"x")):
        with pytest.raises(trio.BrokenResourceError):
            await work()


async def test_being_cancelled_is_not_being_cut() -> None:
    road = Road()
    with trio.move_on_after(0) as scope:
        await road.stream.receive_some()
    assert scope.cancelled_caught
    await road.far.send_all(b"x")
    assert await road.stream.receive_some() == b"x"


@pytest.mark.slow
@given(
    at=st.integers(1, 40),
    pieces=st.lists(st.tuples(st.booleans(), st.integers(1, 20)), min_size=1, max_size=8),
)
def test_a_cut_lets_exactly_so_many_bytes_pass_either_way(
    at: int, pieces: list[tuple[bool, int]]
) -> None:
    passed = trio.run(_passed_before_cut, at, pieces)
    assert passed == min(at, sum(size for _, size in pieces))


async def _passed_before_cut(at: int, pieces: list[tuple[bool, int]]) -> int:
    road = Road()
    road.stream.begin(fault(FaultKind.CUT, at_byte=at))
    passed = 0
    for inwards, size in pieces:
        try:
            if inwards:
                await road.far.send_all(bytes(size))
                passed += len(await road.stream.receive_some())
            else:
                await road.stream.send_all(bytes(size))
        except trio.BrokenResourceError:
            break
    await road.stream.aclose()
    while data := await road.far.receive_some():
        passed += len(data)
    return passed


async def test_a_delay_holds_up_both_ways_and_ends(autojump_clock: MockClock) -> None:
    road = Road()
    road.stream.begin(fault(FaultKind.DELAY, delay=0.5))
    await road.far.send_all(b"x")
    began = trio.current_time()
    assert await road.stream.receive_some() == b"x"
    await road.stream.send_all(b"y")
    assert trio.current_time() - began == pytest.approx(1.0)
    road.stream.end()
    await road.stream.send_all(b"z")
    assert trio.current_time() - began == pytest.approx(1.0)


async def test_half_open_swallows_both_ways_and_the_far_end_never_hears(
    autojump_clock: MockClock,
) -> None:
    road = Road()
    road.stream.begin(fault(FaultKind.HALF_OPEN))
    await road.far.send_all(b"anybody there?")
    assert await road.blocked(road.stream.receive_some)
    await road.stream.send_all(b"yes")
    road.stream.end()
    await road.stream.aclose()
    await road.stream.aclose()
    assert await road.blocked(road.far.receive_some)
    assert road.buried == [road.near]


async def test_closing_a_half_open_stream_wakes_its_reader(autojump_clock: MockClock) -> None:
    road = Road()
    road.stream.begin(fault(FaultKind.HALF_OPEN))

    async def read() -> None:
        with pytest.raises(trio.BrokenResourceError):
            await road.stream.receive_some()

    await road.far.send_all(b"x")
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(read)
            await trio.testing.wait_all_tasks_blocked()
            await road.stream.aclose()


async def test_a_slow_reader_sends_and_reads_again_later(autojump_clock: MockClock) -> None:
    road = Road()
    road.stream.begin(fault(FaultKind.SLOW_READER))
    await road.far.send_all(b"x")
    await road.stream.send_all(b"y")
    assert await road.far.receive_some() == b"y"
    got: list[bytes | bytearray] = []

    async def read() -> None:
        got.append(await road.stream.receive_some())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(read)
        await trio.sleep(100)
        assert got == []
        road.stream.end()
    assert got == [b"x"]


@pytest.mark.slow
@given(st.integers(0, 2**32 - 1), st.integers(1, 5))
def test_corruption_flips_so_many_bits_always_the_same(salt: int, flips: int) -> None:
    async def run() -> list[bytes]:
        road = Road()
        road.stream.begin(fault(FaultKind.CORRUPT, flips=flips, salt=salt))
        read = []
        for _ in range(flips + 1):
            await road.far.send_all(bytes(10))
            read.append(bytes(await road.stream.receive_some()))
        return read

    first = trio.run(run)
    assert [sum(byte.bit_count() for byte in piece) for piece in first] == [1] * flips + [0]
    assert trio.run(run) == first
