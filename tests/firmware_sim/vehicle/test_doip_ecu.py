from __future__ import annotations

from collections.abc import Sequence

import pytest
import trio
from trio.testing import MockClock
from typing_extensions import override

from firmware_sim.vehicle.dialogue import TimedResponse
from firmware_sim.vehicle.doip_ecu import MAX_REQUESTS, DoipEcu
from protocols.doip.events import DiagnosticRequest

ADDRESS, TESTER = 0x1630, 0x0E80


class Script:
    """An application that answers as told and notes when it was asked."""

    def __init__(self, *responses: TimedResponse, deadline: float | None = None) -> None:
        self.responses = responses
        self.asked: list[tuple[float, bytes, bool]] = []
        self.deadline = deadline
        self.expired: list[float] = []

    def handle(
        self, request: bytes, now: float, *, functional: bool = False
    ) -> Sequence[TimedResponse]:
        if request == b"\xff":
            raise ZeroDivisionError("a bug of the application")
        self.asked.append((now, request, functional))
        return self.responses

    def next_deadline(self) -> float | None:
        return self.deadline

    def handle_deadline(self, now: float) -> Sequence[TimedResponse] | None:
        if self.deadline is not None and now >= self.deadline:
            self.expired.append(now)
            self.deadline = None
        return None


class Answers:
    """Where an ECU's responses go, with their times."""

    def __init__(self) -> None:
        self.sent: list[tuple[float, bytes]] = []

    def __call__(self, request: DiagnosticRequest, source: int, payload: bytes) -> None:
        assert (request.source, source) == (TESTER, ADDRESS)
        self.sent.append((trio.current_time(), payload))


def request(payload: bytes, target: int = ADDRESS) -> DiagnosticRequest:
    return DiagnosticRequest(1, TESTER, target, payload)


async def test_responses_leave_at_their_time(autojump_clock: MockClock) -> None:
    script = Script(TimedResponse(0.05, b"\x7f\x14\x78"), TimedResponse(1.2, b"\x54"))
    answers = Answers()
    ecu = DoipEcu(ADDRESS, script, answers)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ecu.run)
        assert ecu.offer(request(b"\x14\xff\xff\xff"))
        await trio.sleep(2)
        nursery.cancel_scope.cancel()
    assert answers.sent == [(0.05, b"\x7f\x14\x78"), (1.2, b"\x54")]
    assert script.asked == [(0.0, b"\x14\xff\xff\xff", False)]


async def test_another_address_than_its_own_is_functional(autojump_clock: MockClock) -> None:
    script = Script()
    ecu = DoipEcu(ADDRESS, script, Answers())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ecu.run)
        ecu.offer(request(b"\x3e\x00", target=0xE400))
        await trio.sleep(0.1)
        nursery.cancel_scope.cancel()
    assert script.asked == [(0.0, b"\x3e\x00", True)]


async def test_the_applications_own_deadline_is_kept(autojump_clock: MockClock) -> None:
    script = Script(deadline=5.0)
    ecu = DoipEcu(ADDRESS, script, Answers())
    with trio.move_on_after(6):
        await ecu.run()
    assert script.expired == [5.0]


async def test_a_failing_application_leaves_one_request_unanswered(
    autojump_clock: MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    answers = Answers()
    ecu = DoipEcu(ADDRESS, Script(TimedResponse(0, b"\x7e\x00")), answers)
    ecu.offer(request(b"\xff"))
    ecu.offer(request(b"\x3e\x00"))
    with trio.move_on_after(1):
        await ecu.run()
    assert answers.sent == [(0.0, b"\x7e\x00")]
    assert "failed on ff" in caplog.text


async def test_what_finds_no_place_is_refused() -> None:
    ecu = DoipEcu(ADDRESS, Script(), Answers())
    assert all(ecu.offer(request(b"\x3e\x00")) for _ in range(MAX_REQUESTS))
    assert not ecu.offer(request(b"\x3e\x00"))


async def test_an_ecu_with_much_to_say_listens_later(autojump_clock: MockClock) -> None:
    script = Script(*[TimedResponse(1.0, b"\x62")] * 64)
    answers = Answers()
    ecu = DoipEcu(ADDRESS, script, answers)
    ecu.offer(request(b"\x22\x00\x01"))
    ecu.offer(request(b"\x22\x00\x02"))
    with trio.move_on_after(3):
        await ecu.run()
    assert [now for now, *_ in script.asked] == [0.0, 1.0]
    assert len(answers.sent) == 128


class Talker(Script):
    """Says something by itself once its deadline has come."""

    @override
    def handle_deadline(self, now: float) -> Sequence[TimedResponse]:
        due = self.deadline is not None and now >= self.deadline
        super().handle_deadline(now)
        return [TimedResponse(0.5, b"\x6a\x01")] if due else []


async def test_what_the_ecu_says_by_itself_goes_to_who_asked_last(
    autojump_clock: MockClock,
) -> None:
    answers = Answers()
    nobody = DoipEcu(ADDRESS, Talker(deadline=1.0), answers)
    somebody = DoipEcu(ADDRESS, Talker(deadline=1.0), answers)
    somebody.offer(request(b"\x2a\x01\x01"))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(nobody.run)
        nursery.start_soon(somebody.run)
        await trio.sleep(3)
        nursery.cancel_scope.cancel()
    assert answers.sent == [(1.5, b"\x6a\x01")]
