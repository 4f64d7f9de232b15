from __future__ import annotations

import pytest
import trio
import trio.testing

from gateway.client.errors import Ended
from gateway.client.streams import MAX_BATCHES, MAX_NEWS, FrameStream, NewsStream
from protocols.can.batch import encode_batch
from protocols.can.frame import CanFrame

FRAME = CanFrame(0x7E8, b"\x01", timestamp_us=2_500_000)


async def test_frames_come_with_their_times() -> None:
    stream = FrameStream("can0", 0)
    stream.epoch_us = 1_000_000
    stream.take(encode_batch(0, [FRAME], dropped=3))
    frames = await stream.receive()
    assert (frames.frames, frames.dropped) == ((FRAME,), 3)
    assert frames.seconds(FRAME) == 3.5
    assert frames.when(FRAME).isoformat() == "1970-01-01T00:00:03.500000+00:00"


async def test_a_slow_script_loses_the_oldest_and_is_told() -> None:
    stream = FrameStream("can0", 0)
    for number in range(MAX_BATCHES + 2):
        stream.take(encode_batch(0, [FRAME] * (number + 1), dropped=1))
    first = await stream.receive()
    assert (len(first.frames), first.dropped) == (3, (1 + 1) + (2 + 1) + 1)
    assert (await stream.receive()).dropped == 1


async def test_what_waits_is_read_before_the_end() -> None:
    stream = FrameStream("can0", 0)
    stream.take(encode_batch(0, [FRAME]))
    stream.close(Ended("over"))
    assert (await stream.receive()).frames == (FRAME,)
    with pytest.raises(Ended):
        await stream.receive()


async def test_who_waits_is_woken(autojump_clock: trio.testing.MockClock) -> None:
    stream = NewsStream()

    async def tell() -> None:
        await trio.sleep(1)
        stream.take({"kind": "exchange"})
        stream.take({"kind": "ended"})
        await trio.sleep(1)
        stream.close(Ended("over"))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(tell)
        assert [it["kind"] async for it in stream] == ["exchange", "ended"]
        assert await stream.receive_or_none() is None


async def test_news_that_were_dropped_are_a_gap() -> None:
    stream = NewsStream()
    for number in range(MAX_NEWS + 1):
        stream.take({"kind": "exchange", "number": number})
    assert (await stream.receive())["kind"] == "gap"
    assert (await stream.receive())["number"] == 1
