from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from gateway.links.monitors import MAX_LAG, FrameFeed
from gateway.ws.operator.gathering import FULL, PAUSE, FrameGatherer
from protocols.can.batch import add_losses, encode_batch
from protocols.can.bundle import split_bundle
from protocols.can.frame import CanFrame
from tests.support.link_world import settle

ONE, TWO = "11" * 16, "22" * 16


def _batch(bus: int, number: int = 0) -> bytes:
    return encode_batch(bus, [CanFrame(0x100, bytes([number % 256]))])


class _Client:
    """Takes messages, each after ``delay`` seconds."""

    def __init__(self) -> None:
        self.delay = 0.0
        self.sent: list[tuple[float, list[tuple[str, bytes]]]] = []

    async def send(self, message: bytes) -> None:
        entries = [(session.hex(), batch) for session, batch in split_bundle(message)]
        self.sent.append((trio.current_time(), entries))
        await trio.sleep(self.delay)

    @property
    def batches(self) -> list[tuple[str, bytes]]:
        return [entry for _, entries in self.sent for entry in entries]


@pytest.fixture
def client() -> _Client:
    return _Client()


@pytest.fixture
async def gatherer(client: _Client, nursery: trio.Nursery) -> FrameGatherer:
    gatherer = FrameGatherer()
    nursery.start_soon(gatherer.write, client.send)
    return gatherer


async def test_after_a_rest_a_batch_leaves_at_once(
    client: _Client, gatherer: FrameGatherer, autojump_clock: MockClock
) -> None:
    feed = FrameFeed("can0", ())
    with gatherer.following(feed, ONE):
        for number in range(3):
            began = trio.current_time()
            feed.put(_batch(0, number))
            await settle()
            assert client.sent[-1] == (began, [(ONE, _batch(0, number))])
            await trio.sleep(PAUSE)
    assert len(client.sent) == 3


async def test_what_comes_soon_after_leaves_together(
    client: _Client, gatherer: FrameGatherer, autojump_clock: MockClock
) -> None:
    first, second = FrameFeed("can0", ()), FrameFeed("can1", ())
    with gatherer.following(first, ONE), gatherer.following(second, TWO):
        began = trio.current_time()
        first.put(_batch(0))
        await trio.sleep(PAUSE / 4)
        second.put(_batch(1))
        first.put(_batch(0, 1))
        await trio.sleep(PAUSE / 4)
        second.put(_batch(1, 1))
        await trio.sleep(PAUSE)
    (at_once, _), (together, entries) = client.sent
    assert at_once == began
    assert together == pytest.approx(began + PAUSE)
    assert entries == [
        (TWO, _batch(1)),
        (TWO, _batch(1, 1)),
        (ONE, _batch(0, 1)),
    ]


async def test_a_slow_client_gets_large_messages_and_every_bus_its_turn(
    client: _Client, gatherer: FrameGatherer, autojump_clock: MockClock
) -> None:
    client.delay = 1.0
    loud, quiet = FrameFeed("can0", ()), FrameFeed("can1", ())
    large = encode_batch(0, [CanFrame(0x100, bytes(8))] * 300)
    with gatherer.following(loud, ONE), gatherer.following(quiet, TWO):
        loud.put(large)
        await trio.sleep(0.1)
        for _ in range(40):
            loud.put(large)
        quiet.put(_batch(1))
        await trio.sleep(10)
    sizes = [sum(len(batch) for _, batch in entries) for _, entries in client.sent]
    assert max(sizes) < FULL + len(large)
    assert len(client.batches) == 42
    # Not behind all that the loud one has: in the next message after the one that was full.
    turn = [(TWO, _batch(1)) in entries for _, entries in client.sent].index(True)
    assert turn == 2


async def test_a_full_message_is_followed_by_the_next_at_once(
    client: _Client, gatherer: FrameGatherer, autojump_clock: MockClock
) -> None:
    feed = FrameFeed("can0", ())
    large = encode_batch(0, [CanFrame(0x100, bytes(8))] * 300)
    with gatherer.following(feed, ONE):
        began = trio.current_time()
        for _ in range(30):
            feed.put(large)
        await settle()
    assert [at for at, _ in client.sent] == [began] * len(client.sent)
    assert len(client.sent) == 3
    assert len(client.batches) == 30


async def test_a_client_that_does_not_read_loses_the_oldest_of_each_bus(
    client: _Client, gatherer: FrameGatherer, autojump_clock: MockClock
) -> None:
    client.delay = 100.0
    feed = FrameFeed("can0", ())
    with gatherer.following(feed, ONE):
        feed.put(_batch(0))
        await trio.sleep(1)
        for number in range(MAX_LAG + 5):
            feed.put(_batch(0, number))
        assert (feed.lag, feed.dropped) == (MAX_LAG, 5)
        await trio.sleep(200)
    assert client.batches[1] == (ONE, add_losses(_batch(0, 5), 5)), "and is told of it"
    assert len(client.batches) == 1 + MAX_LAG


async def test_who_left_gets_nothing_more(
    client: _Client, gatherer: FrameGatherer, autojump_clock: MockClock
) -> None:
    left, stays = FrameFeed("can0", ()), FrameFeed("can1", ())
    with gatherer.following(stays, TWO):
        with gatherer.following(left, ONE):
            left.put(_batch(0))
            await settle()
            left.put(_batch(0, 1))
        left.put(_batch(0, 2))
        await trio.sleep(PAUSE * 2)
        assert client.batches == [(ONE, _batch(0))]
        stays.put(_batch(1))
        await trio.sleep(PAUSE)
    assert client.batches[1:] == [(TWO, _batch(1))]


async def test_a_sender_that_is_cancelled_sends_no_half_message(autojump_clock: MockClock) -> None:
    """The message in hand is lost as a whole with its socket; the feed goes on with the next."""
    client, gatherer, feed = _Client(), FrameGatherer(), FrameFeed("can0", ())
    client.delay = 10.0
    with gatherer.following(feed, ONE):
        feed.put(_batch(0))
        with trio.move_on_after(1):
            await gatherer.write(client.send)
        feed.put(_batch(0, 1))
        client.delay = 0.0
        with trio.move_on_after(1):
            await gatherer.write(client.send)
    assert client.batches == [(ONE, _batch(0)), (ONE, _batch(0, 1))]
