from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from gateway.doors import diagnosis
from gateway.doors.addresses import AddressTable
from gateway.doors.diagnosis import Diagnosis, with_distance
from protocols.doip.entity import DiagnosticNack
from protocols.doip.events import DiagnosticRequest
from protocols.link.messages import ExchangeRequest, ExchangeResponse, ExchangeResult
from protocols.link.vehicle import FunctionalTarget
from tests.gateway.doors.halls import BOB, CAPABILITIES, Hall, open_hall
from tests.support.link_world import UUID_ONE, settle

Heard = list[tuple[float, int, str]]


@asynccontextmanager
async def diagnosing(hall: Hall) -> AsyncIterator[tuple[Diagnosis, Heard]]:
    """Give the block the exchanges of a door, and what its client hears: when, of whom, what."""
    heard: Heard = []
    began = trio.current_time()

    def respond(_request: DiagnosticRequest, source: int, payload: bytes) -> None:
        heard.append((round(trio.current_time() - began, 3), source, payload.hex()))

    async with hall.place() as place, trio.open_nursery() as nursery:
        made = Diagnosis(place, AddressTable(CAPABILITIES), nursery, respond)
        nursery.start_soon(made.keep_waiting)
        yield made, heard
        nursery.cancel_scope.cancel()


def asked(payload: str, target: int = 0x17E0) -> DiagnosticRequest:
    return DiagnosticRequest(1, 0x0E80, target, bytes.fromhex(payload))


async def test_an_answer_comes_from_the_address_that_was_asked(autojump_clock: MockClock) -> None:
    async with open_hall() as hall, diagnosing(hall) as (door, heard):
        assert door.start(asked("22f190")) is None
        await settle()
        assert [(source, data) for _, source, data in heard] == [(0x17E0, "62f190")]
        assert hall.session.exchanges == 1


async def test_a_client_is_told_to_wait_until_the_answer_comes(autojump_clock: MockClock) -> None:
    async with open_hall() as hall:
        waiting: list[ExchangeRequest] = []
        hall.device.answer = waiting.append
        async with diagnosing(hall) as (door, heard):
            door.start(asked("14ffffff"))
            await trio.sleep(5)
            (request,) = waiting
            response = ExchangeResponse(0x7E8, b"\x54", 0, 10, 20)
            hall.device.send(ExchangeResult(request.id, (response,)))
            await trio.sleep(5)
        times = [time for time, _, data in heard if data == "7f1478"]
        assert times[0] <= 0.7
        assert len(times) == 3
        assert all(later - sooner < 5 for sooner, later in pairwise(times))
        assert heard[-1][2] == "54"


@pytest.mark.parametrize("payload", ["3e80", "3101ff00"])
async def test_suppressed_answers_have_nobody_wait(
    autojump_clock: MockClock, payload: str
) -> None:
    async with open_hall() as hall:
        hall.device.answer = lambda _request: None
        async with diagnosing(hall) as (door, heard):
            door.start(asked(payload))
            await trio.sleep(1)
        assert bool(heard) == (payload != "3e80")


async def test_a_control_unit_that_does_not_answer_is_0x25(autojump_clock: MockClock) -> None:
    async with open_hall() as hall:
        hall.device.answer = lambda it: ExchangeResult(it.id, failure="no_response")
        async with diagnosing(hall) as (door, heard):
            door.start(asked("22f190"))
            door.start(asked("22f190", 0xE400))  # who asks everybody hears who answers
            await settle()
        assert [data for _, _, data in heard] == ["7f2225"]


async def test_functional_requests_reach_every_bus(autojump_clock: MockClock) -> None:
    def answer(request: ExchangeRequest) -> ExchangeResult:
        assert isinstance(request.target, FunctionalTarget)
        ids = (0x7E8, 0x7E9) if request.target.bus == "can0" else (0x7E8, 0x7FF)
        responses = tuple(ExchangeResponse(it, b"\x7e\x00", 0, 10, 20) for it in ids)
        return ExchangeResult(request.id, responses)

    async with open_hall() as hall:
        hall.device.answer = answer
        async with hall.place() as place, trio.open_nursery() as nursery:
            heard: list[int] = []
            door = Diagnosis(
                place,
                AddressTable(CAPABILITIES),
                nursery,
                lambda _request, source, _payload: heard.append(source),
            )
            assert door.start(asked("3e00", 0xE000)) is None
            await settle()
            assert sorted(heard) == [0x17E0, 0x17E1, 0x27E0]
            assert place.counts.unmapped == 1
            assert place.counts.exchanges == 2


async def test_refusals_have_their_codes(autojump_clock: MockClock) -> None:
    async with open_hall() as hall:
        hall.device.answer = lambda _request: None
        async with diagnosing(hall) as (door, _heard):
            codes = [door.start(asked("3e80")) for _ in range(diagnosis.MOST + 1)]
            assert codes == [None] * diagnosis.MOST + [DiagnosticNack.OutOfMemory]
        hall.session = hall.sessions.open(BOB, UUID_ONE, ticket_id=None)
        async with diagnosing(hall) as (door, _heard):  # a reader
            assert door.start(asked("3e00")) == DiagnosticNack.TargetUnreachable


def test_times_hold_at_a_distance() -> None:
    assert with_distance(bytes.fromhex("5003003201f4")).hex() == "500303e801f4"
    assert with_distance(bytes.fromhex("500307d00bb8")).hex() == "500307d00bb8"


@given(st.binary(max_size=12))
def test_nothing_else_is_changed(data: bytes) -> None:
    if data[:1] != b"\x50":
        assert with_distance(data) == data
    assert len(with_distance(data)) == len(data)
