from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from trio.testing import MockClock

from firmware_sim.firmware.sessions import Sessions
from protocols.link.messages import ExchangeRequest, ExchangeResult, SessionClosed
from protocols.link.vehicle import CanTarget, DoipTarget, FunctionalTarget, Target
from tests.firmware_sim.firmware.wired_gateway import (
    DEFAULT,
    EXTENDED,
    PRESENT,
    WrittenVehicle,
)

TARGETS: list[Target] = [CanTarget(0x7E0, 0x7E8), DoipTarget(0x1001), FunctionalTarget("can0")]


class Bench:
    """The sessions of a connector, and what they told of themselves."""

    def __init__(self, nursery: trio.Nursery) -> None:
        self.vehicle = WrittenVehicle()
        self.told: list[SessionClosed] = []
        self.sessions = Sessions(
            self.vehicle.exchange, self.vehicle.release_buses, nursery, self.told.append
        )

    async def ask(self, request: bytes, target: Target = TARGETS[0]) -> ExchangeResult:
        return await self.sessions.exchange(ExchangeRequest(1, "s", target, request))


@asynccontextmanager
async def open_bench() -> AsyncIterator[Bench]:
    async with trio.open_nursery() as nursery:
        bench = Bench(nursery)
        bench.sessions.open("s", writer=True, grace=10)
        yield bench
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: type(target).__name__)
async def test_every_kind_of_target_is_kept_and_given_back(
    autojump_clock: MockClock, target: Target
) -> None:
    async with open_bench() as bench:
        await bench.ask(EXTENDED, target)
        await trio.sleep(3)
        assert bench.vehicle.requests(PRESENT) == [2]
        closed = await bench.sessions.close("s")
        assert closed == SessionClosed("s", safe=True)
        assert bench.vehicle.requests(DEFAULT) == [3]


@pytest.mark.parametrize(
    ("target", "name"),
    [(TARGETS[0], "control unit 7E0"), (TARGETS[1], "control unit 1001")],
)
async def test_trouble_is_told_by_control_unit(
    autojump_clock: MockClock, target: Target, name: str
) -> None:
    async with open_bench() as bench:
        await bench.ask(EXTENDED, target)
        bench.vehicle.answer = lambda _request: ExchangeResult(1, failure="no_response")
        closed = await bench.sessions.close("s")
        assert not closed.safe
        assert closed.detail == f"{name}: no_response"


async def test_requests_that_change_no_session_are_not_kept(autojump_clock: MockClock) -> None:
    async with open_bench() as bench:
        for request in ("22F190", "3E00", "10", "100300", "1101"):
            await bench.ask(bytes.fromhex(request))
        await trio.sleep(5)
        assert bench.vehicle.requests(PRESENT) == []
        await bench.sessions.close("s")
        assert bench.vehicle.requests(DEFAULT) == []


async def test_the_end_after_the_grace_is_told_once(autojump_clock: MockClock) -> None:
    async with open_bench() as bench:
        await bench.ask(EXTENDED)
        bench.sessions.link_lost()
        bench.sessions.link_lost()  # each attempt to dial in ends with this
        await trio.sleep(30)
        (closed,) = bench.told
        assert closed.session == "s"
        assert closed.safe
        assert bench.vehicle.requests(DEFAULT) == [10]


async def test_a_session_opened_again_meanwhile_is_not_told_as_closed(
    autojump_clock: MockClock,
) -> None:
    async with open_bench() as bench:
        await bench.ask(EXTENDED)
        bench.vehicle.takes = 2.0
        bench.sessions.link_lost()
        await trio.sleep(11)  # the grace has passed; the way back takes two seconds more
        bench.sessions.abandon_all()
        bench.sessions.open("s", writer=True, grace=10)
        await trio.sleep(10)
        assert bench.told == []
        assert (await bench.ask(EXTENDED)).failure == ""


async def test_the_grace_may_be_changed(autojump_clock: MockClock) -> None:
    async with open_bench() as bench:
        await bench.ask(EXTENDED)
        bench.sessions.open("s", writer=True, grace=1)
        bench.sessions.link_lost()
        await trio.sleep(1.5)
        assert bench.vehicle.requests(DEFAULT) == [1]


async def test_abandoned_sessions_go_safe_without_a_word(autojump_clock: MockClock) -> None:
    async with open_bench() as bench:
        await bench.ask(EXTENDED)
        bench.sessions.link_lost()
        bench.sessions.abandon_all()
        await trio.sleep(30)
        assert bench.vehicle.requests(DEFAULT) == [0]
        assert bench.vehicle.requests(PRESENT) == []
        assert bench.told == []


async def test_a_session_that_loses_the_lease_gives_everything_back(
    autojump_clock: MockClock,
) -> None:
    async with open_bench() as bench:
        await bench.ask(EXTENDED)
        await trio.sleep(3)
        bench.sessions.open("s", writer=False, grace=10)
        await trio.sleep(10)
        assert bench.vehicle.requests(PRESENT) == [2]
        assert bench.vehicle.requests(DEFAULT) == [3]
        assert bench.vehicle.released == ["s"]
        assert not bench.sessions.is_writer("s")
        assert (await bench.ask(PRESENT)).failure == "refused"


async def test_a_bus_runs_again_as_before_when_its_session_ends(
    autojump_clock: MockClock,
) -> None:
    async with open_bench() as bench:
        assert bench.sessions.is_writer("s")
        assert not bench.sessions.is_writer("other")
        await bench.sessions.close("s")
        assert bench.vehicle.released == ["s"]
