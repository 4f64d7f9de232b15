from __future__ import annotations

import pytest

from protocols.can.frame import CanFrame
from protocols.errors import RemoteProtocolError
from protocols.socketcand.broadcast import (
    MAX_JOBS,
    MAX_SUBSCRIPTIONS,
    SHORTEST_CYCLE,
    Broadcast,
)
from protocols.socketcand.commands import Subscribe

KEY = (0x123, False)


def frame(text: str = "", number: int = 0x123) -> CanFrame:
    return CanFrame(number, bytes.fromhex(text))


def test_a_cyclic_frame_goes_now_and_every_interval() -> None:
    broadcast = Broadcast()
    broadcast.add(frame("01"), 0.5, 10.0)
    assert broadcast.next_deadline() == 10.0
    assert list(broadcast.frames_due(10.0)) == [frame("01")]
    assert broadcast.next_deadline() == 10.5
    assert list(broadcast.frames_due(10.4)) == []
    assert list(broadcast.frames_due(10.6)) == [frame("01")]
    assert broadcast.next_deadline() == 11.0  # the timer keeps its grid


def test_a_late_timer_skips_what_it_missed() -> None:
    broadcast = Broadcast()
    broadcast.add(frame("01"), 0.5, 0.0)
    assert list(broadcast.frames_due(2.2)) == [frame("01")]
    assert broadcast.next_deadline() == 2.5


def test_an_interval_of_nothing_is_once_and_a_short_one_is_stretched() -> None:
    broadcast = Broadcast()
    broadcast.add(frame("01"), 0.0, 0.0)
    assert list(broadcast.frames_due(0.0)) == [frame("01")]
    assert broadcast.next_deadline() is None
    broadcast.add(frame("01"), 1e-5, 0.0)
    assert list(broadcast.frames_due(0.0)) == [frame("01")]
    assert broadcast.next_deadline() == SHORTEST_CYCLE


def test_an_update_changes_the_data_and_leaves_the_timer() -> None:
    broadcast = Broadcast()
    broadcast.add(frame("01"), 0.5, 0.0)
    list(broadcast.frames_due(0.0))
    broadcast.update(frame("02"))
    assert broadcast.next_deadline() == 0.5
    assert list(broadcast.frames_due(0.5)) == [frame("02")]
    broadcast.delete(KEY)
    assert broadcast.next_deadline() is None
    broadcast.update(frame("03"))  # kept without a timer
    assert broadcast.next_deadline() is None


def test_a_subscription_shows_every_frame_of_its_identifier() -> None:
    broadcast = Broadcast()
    broadcast.subscribe(Subscribe(KEY, 0.0))
    assert broadcast.watched == (KEY,)
    assert [broadcast.take(frame("01"), 0.0) for _ in range(3)] == [True] * 3
    assert not broadcast.take(frame("01", 0x124), 0.0)
    assert not broadcast.take(CanFrame(0x123, extended=True), 0.0)
    assert not broadcast.take(CanFrame(0x123, error=True), 0.0)
    broadcast.unsubscribe(KEY)
    assert not broadcast.take(frame("01"), 0.0)


def test_a_filter_shows_the_first_frame_and_then_changes() -> None:
    broadcast = Broadcast()
    broadcast.subscribe(Subscribe(KEY, 0.0, (bytes.fromhex("ff00f80000000000"),)))
    said = ["01", "01", "0122", "0122f0", "0122f7", "0122e8", "02"]
    assert [broadcast.take(frame(it), 0.0) for it in said] == [
        True, False, False, True, False, True, True,
    ]  # fmt: skip


def test_a_multiplex_filter_looks_at_each_multiplexer_on_its_own() -> None:
    broadcast = Broadcast()
    masks = (b"\xff" + bytes(7), b"\x33" + b"\xff" * 7, b"\x56\xff" + bytes(6))
    broadcast.subscribe(Subscribe(KEY, 0.0, masks))
    said = ["3301", "3301", "3302", "5601", "560102", "5602", "7701"]
    assert [broadcast.take(frame(it), 0.0) for it in said] == [
        True, False, True, True, False, True, False,
    ]  # fmt: skip


def test_a_throttle_shows_the_latest_when_its_time_comes() -> None:
    broadcast = Broadcast()
    broadcast.subscribe(Subscribe(KEY, 1.0))
    assert broadcast.take(frame("01"), 0.0)
    assert not broadcast.take(frame("02"), 0.1)
    assert not broadcast.take(frame("03"), 0.2)
    assert broadcast.next_deadline() == 1.0
    assert list(broadcast.held_back(0.9)) == []
    assert list(broadcast.held_back(1.0)) == [frame("03")]
    assert broadcast.next_deadline() is None
    assert not broadcast.take(frame("04"), 1.5)
    assert broadcast.next_deadline() == 2.0


def test_both_have_bounds() -> None:
    broadcast = Broadcast()
    for number in range(MAX_JOBS):
        broadcast.add(frame("", number), 1.0, 0.0)
    broadcast.add(frame("01", 0), 1.0, 0.0)  # known
    with pytest.raises(RemoteProtocolError, match="too many"):
        broadcast.add(frame("", MAX_JOBS), 1.0, 0.0)
    for number in range(MAX_SUBSCRIPTIONS):
        broadcast.subscribe(Subscribe((number, False), 0.0))
    with pytest.raises(RemoteProtocolError, match="too many"):
        broadcast.subscribe(Subscribe((0x7FF, True), 0.0))
