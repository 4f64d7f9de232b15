from __future__ import annotations

from collections import deque

import pytest

from protocols.doip.deliveries import Deliveries
from protocols.doip.settings import DoipTesterSettings
from protocols.doip.tester_events import (
    DeliveryConfirmed,
    DeliveryFailed,
    DeliveryFault,
    DoipTesterEvent,
)
from protocols.errors import LocalProtocolError

ENGINE, BODY = 0x1010, 0x1020


class Bench:
    """Deliveries with what they wrote and reported."""

    def __init__(self, settings: DoipTesterSettings | None = None) -> None:
        self.wire: list[tuple[int, bytes]] = []
        self.events: deque[DoipTesterEvent] = deque()
        self.deliveries = Deliveries(
            settings or DoipTesterSettings(),
            lambda target, payload: self.wire.append((target, payload)),
            self.events,
        )


def test_a_repeat_waits_behind_what_was_sent_meanwhile() -> None:
    bench = Bench()
    first = bench.deliveries.send(ENGINE, b"a", 0.0)
    bench.deliveries.refused(ENGINE, 5, 0.0)
    second = bench.deliveries.send(ENGINE, b"b", 0.1)
    bench.deliveries.handle_deadline(0.2)
    assert bench.wire == [(ENGINE, b"a"), (ENGINE, b"b"), (ENGINE, b"a")]
    assert bench.deliveries.confirmed(ENGINE)
    assert bench.deliveries.confirmed(ENGINE)
    assert list(bench.events) == [
        DeliveryConfirmed(second, ENGINE),
        DeliveryConfirmed(first, ENGINE),
    ]


def test_nothing_waits_for_an_unknown_target() -> None:
    bench = Bench()
    bench.deliveries.send(ENGINE, b"a", 0.0)
    assert not bench.deliveries.confirmed(BODY)
    assert not bench.deliveries.refused(BODY, 6, 0.0)
    assert not bench.events


def test_no_repeats_means_failing_at_once() -> None:
    bench = Bench(DoipTesterSettings(repeats=0))
    number = bench.deliveries.send(ENGINE, b"a", 0.0)
    bench.deliveries.refused(ENGINE, 5, 0.0)
    assert list(bench.events) == [DeliveryFailed(number, ENGINE, DeliveryFault.REFUSED, 5)]
    assert bench.deliveries.next_deadline() is None


def test_losing_the_connection_fails_pausing_messages_too() -> None:
    bench = Bench()
    bench.deliveries.send(ENGINE, b"a", 0.0)
    bench.deliveries.send(BODY, b"b", 0.0)
    bench.deliveries.refused(ENGINE, 5, 0.0)
    bench.deliveries.lose_all()
    assert [event.fault for event in bench.events if isinstance(event, DeliveryFailed)] == [
        DeliveryFault.CONNECTION_LOST
    ] * 2
    assert bench.deliveries.next_deadline() is None


def test_the_bound_counts_what_is_not_acknowledged() -> None:
    bench = Bench(DoipTesterSettings(max_waiting=1))
    bench.deliveries.send(ENGINE, b"a", 0.0)
    with pytest.raises(LocalProtocolError, match="1 messages wait"):
        bench.deliveries.send(BODY, b"b", 0.0)
    assert bench.wire == [(ENGINE, b"a")]
    bench.deliveries.confirmed(ENGINE)
    assert bench.deliveries.send(BODY, b"b", 0.0) == 2
