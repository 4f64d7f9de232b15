from __future__ import annotations

from collections.abc import Sequence

import pytest
import trio
import trio.testing

from benchmarks.client import Answer, Frames, Request, open_client
from benchmarks.load import ask, ask_at


class Echo:
    """Answers each request with its own bytes, ``delay`` seconds later."""

    def __init__(self, delay: float = 0.0) -> None:
        self.delay = delay
        self.sent: list[list[Request]] = []
        self._ready = trio.Event()
        self._due: list[tuple[float, Answer | Frames]] = []

    def say(self, event: Answer | Frames) -> None:
        self._due.append((trio.current_time() + self.delay, event))
        self._ready.set()

    async def send(self, requests: Sequence[Request]) -> None:
        self.sent.append(list(requests))
        for request in requests:
            self.say(Answer(request.number, request.data))

    async def receive(self) -> Sequence[Answer | Frames]:
        await self._ready.wait()
        await trio.sleep_until(self._due[0][0])
        now = trio.current_time()
        ready = [event for at, event in self._due if at <= now]
        self._due = self._due[len(ready) :]
        if not self._due:
            self._ready = trio.Event()
        return ready


async def test_answers_find_their_requests(autojump_clock: trio.testing.MockClock) -> None:
    carrier = Echo(delay=0.5)
    answers: dict[int, bytes] = {}
    async with open_client(carrier) as client, trio.open_nursery() as nursery:

        async def one(number: int) -> None:
            answers[number] = await client.exchange(number, bytes((number,)))

        for number in range(5):
            nursery.start_soon(one, number)
    assert answers == {number: bytes((number,)) for number in range(5)}


async def test_what_waits_together_is_sent_together(
    autojump_clock: trio.testing.MockClock,
) -> None:
    carrier = Echo(delay=0.1)
    async with open_client(carrier) as client:
        load = await ask(client, sessions=20, request=b"\x3e\x00", seconds=0.05)
    assert [len(batch) for batch in carrier.sent] == [20]
    assert load.samples == pytest.approx([0.1] * 20)
    assert {request.connector for request in carrier.sent[0]} == set(range(20))


async def test_sessions_ask_as_fast_as_they_are_answered(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_client(Echo(delay=0.1)) as client:
        load = await ask(client, sessions=3, request=b"\x3e\x00", seconds=1.0)
    assert load.per_second == pytest.approx(30, rel=0.11)


async def test_a_given_rate_is_kept(autojump_clock: trio.testing.MockClock) -> None:
    async with open_client(Echo(delay=0.01)) as client:
        load = await ask_at(client, 4, b"\x3e\x00", rate=40, seconds=2.0)
    assert len(load.samples) == 80
    assert load.samples == pytest.approx([0.01] * 80)


async def test_a_stall_is_measured_by_everybody_who_waited(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with open_client(Echo(delay=0.5)) as client:
        load = await ask_at(client, 1, b"\x3e\x00", rate=10, seconds=1.0)
    assert load.samples == pytest.approx([0.5 + 0.4 * late for late in range(10)])


async def test_frames_go_to_whoever_counts_them(autojump_clock: trio.testing.MockClock) -> None:
    carrier = Echo()
    seen: list[bytes] = []
    async with open_client(carrier, seen.append) as client:
        carrier.say(Frames(b"batch"))
        assert await client.exchange(0, b"\x3e\x00") == b"\x3e\x00"
    assert seen == [b"batch"]
