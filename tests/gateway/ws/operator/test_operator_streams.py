from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import UUID

import pytest
import trio

from gateway.domain.errors import Invalid
from gateway.links.monitors import FrameFeed
from gateway.sessions.session import MAX_LAG, Session, SessionState
from gateway.ws.operator.gathering import FrameGatherer
from gateway.ws.operator.streams import (
    check_batch,
    forward_frames,
    forward_news,
    gather_frames,
    join,
)
from protocols.can.batch import encode_batch
from protocols.can.frame import CanFrame
from protocols.link.vehicle import BusInfo
from tests.support.link_world import settle

NOW = datetime(2026, 3, 2, tzinfo=UTC)
ID = "ab" * 16

BUSES = (BusInfo("can0", "can"), BusInfo("fd0", "can-fd"), BusInfo("doip0", "doip"))
CLASSIC = CanFrame(0x7E8, b"\x01\x02", timestamp_us=1_000_000)
FLEXIBLE = CanFrame(0x18DAF110, bytes(64), extended=True, fd=True, timestamp_us=1_000_500)


def session() -> Session:
    return Session(ID, "op-1", 1, UUID(int=1), 1, None, NOW, NOW, ends_by=0.0, last_used=0.0)


@contextmanager
def listening(feed: FrameFeed) -> Iterator[FrameFeed]:
    with feed.scope:
        yield feed


class Wire:
    """What went out to the client."""

    def __init__(self) -> None:
        self.sent: list[str | bytes] = []

    async def send(self, message: str | bytes) -> None:
        await trio.lowlevel.checkpoint()
        self.sent.append(message)

    def texts(self) -> list[dict[str, object]]:
        return [json.loads(message) for message in self.sent]


async def test_news_go_out_until_the_session_ends() -> None:
    one, wire = session(), Wire()
    with one.watch() as feed:
        one.tell("exchange", {"request": "3E00"})
        one.tell("ended", {"reason": "operator", "safe": True})
        one.end_watching()
        await forward_news(one, feed, wire.send)
    assert wire.texts() == [
        {"action": "news", "session": ID, "kind": "exchange", "request": "3E00"},
        {"action": "news", "session": ID, "kind": "ended", "reason": "operator", "safe": True},
    ]


async def test_a_client_that_fell_behind_is_told_of_the_gap() -> None:
    one, wire = session(), Wire()
    with one.watch() as feed:
        for number in range(MAX_LAG + 1):
            one.tell("exchange", {"n": number})
        await forward_news(one, feed, wire.send)
    (gap,) = wire.texts()
    assert (gap["kind"], gap["session"]) == ("gap", ID)
    assert str(MAX_LAG) in str(gap["detail"])


async def test_frames_go_out_as_they_came_behind_the_sessions_id(nursery: trio.Nursery) -> None:
    one, wire, feed = session(), Wire(), FrameFeed("can0", ())
    batches = [encode_batch(0, [CLASSIC]), encode_batch(0, [CLASSIC] * 3, dropped=2)]
    nursery.start_soon(_forward, one, feed, wire, False)
    for batch in batches:
        feed.put(batch)
    await settle()
    assert wire.sent == [bytes.fromhex(ID) + batch for batch in batches]
    nursery.cancel_scope.cancel()


async def test_frames_as_json_count_what_was_lost_on_the_way(nursery: trio.Nursery) -> None:
    one, wire, feed = session(), Wire(), FrameFeed("fd0", ())
    feed.pause()
    feed.put(encode_batch(1, [CLASSIC] * 4, dropped=1))
    feed.resume()
    nursery.start_soon(_forward, one, feed, wire, True)
    feed.put(encode_batch(1, [CLASSIC, FLEXIBLE], dropped=2))
    await settle()
    (message,) = wire.texts()
    assert (message["action"], message["bus"], message["dropped"]) == ("frames", "fd0", 7)
    assert message["frames"] == [
        {
            "id": 0x7E8,
            "data": "0102",
            "extended": False,
            "fd": False,
            "brs": False,
            "remote": False,
            "error": False,
            "timestamp_us": 1_000_000,
        },
        {
            "id": 0x18DAF110,
            "data": "00" * 64,
            "extended": True,
            "fd": True,
            "brs": False,
            "remote": False,
            "error": False,
            "timestamp_us": 1_000_500,
        },
    ]
    nursery.cancel_scope.cancel()


async def _forward(one: Session, feed: FrameFeed, wire: Wire, as_json: bool) -> None:
    await forward_frames(one, listening(feed), wire.send, as_json=as_json)


async def test_frames_end_with_the_session() -> None:
    one, wire, feed = session(), Wire(), FrameFeed("can0", ())
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_forward, one, feed, wire, False)
            await settle()
            one.state = SessionState.ENDED
            one.end_watching()
    feed.put(encode_batch(0, [CLASSIC]))
    assert wire.sent == []
    # Nor do they begin once it is over.
    with trio.fail_after(20):
        await _forward(one, FrameFeed("can0", ()), wire, False)


async def test_frames_end_with_the_bus() -> None:
    one, wire, feed = session(), Wire(), FrameFeed("can0", ())
    with trio.fail_after(20):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_forward, one, feed, wire, False)
            await settle()
            feed.scope.cancel()
    assert not one.watched


@pytest.mark.parametrize("end", ["session", "bus"])
async def test_gathered_frames_end_with_session_and_bus(end: str, nursery: trio.Nursery) -> None:
    one, wire, feed, gatherer = session(), Wire(), FrameFeed("can0", ()), FrameGatherer()
    nursery.start_soon(gatherer.write, wire.send)
    batch = encode_batch(0, [CLASSIC])
    with trio.fail_after(20):
        async with trio.open_nursery() as following:
            following.start_soon(gather_frames, one, listening(feed), gatherer)
            await settle()
            feed.put(batch)
            await settle()
            if end == "bus":
                feed.scope.cancel()
            else:
                one.state = SessionState.ENDED
                one.end_watching()
    feed.put(batch)
    await trio.sleep(0.02)
    assert wire.sent == [bytes.fromhex(ID) + len(batch).to_bytes(4, "big") + batch]
    assert not one.watched
    nursery.cancel_scope.cancel()


@pytest.mark.parametrize(
    "batch",
    [
        encode_batch(0, [CLASSIC]),
        encode_batch(1, [CLASSIC, FLEXIBLE]),
        encode_batch(0, []),
    ],
)
def test_frames_for_a_bus_that_takes_them_pass(batch: bytes) -> None:
    check_batch(batch, BUSES)


@pytest.mark.parametrize(
    ("batch", "code"),
    [
        (b"", "frames.malformed"),
        (encode_batch(0, [CLASSIC])[:-1], "frames.malformed"),
        (encode_batch(0, [CLASSIC]) + b"\x00", "frames.malformed"),
        (encode_batch(2, [CLASSIC]), "frames.bus"),
        (encode_batch(3, [CLASSIC]), "frames.bus"),
        (encode_batch(0, [CLASSIC, FLEXIBLE]), "frames.kind"),
    ],
)
def test_frames_that_no_bus_can_take_are_refused(batch: bytes, code: str) -> None:
    with pytest.raises(Invalid) as caught:
        check_batch(batch, BUSES)
    assert caught.value.code == code


def test_the_refusal_names_the_buses_there_are() -> None:
    with pytest.raises(Invalid, match="there are 0 can0, 1 fd0"):
        check_batch(encode_batch(2, []), BUSES)
    with pytest.raises(Invalid, match="there are none"):
        check_batch(encode_batch(0, []), BUSES[2:])


def test_texts_between_binary_messages_leave_as_arrays() -> None:
    assert join(['{"a":1}', '{"b":2}', b"x", '{"c":3}']) == [
        '[{"a":1},{"b":2}]',
        b"x",
        '[{"c":3}]',
    ]
    assert join(['{"a":1}']) == ['[{"a":1}]']
    assert join([b"x"]) == [b"x"]
