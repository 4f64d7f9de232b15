from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock, memory_stream_pair

from gateway.doors.outgoing import LINGER, MOST, Outgoing
from tests.support.faulty_stream import faulty_pair


async def test_what_is_put_arrives_in_order_and_then_the_end() -> None:
    ours, theirs = memory_stream_pair()
    outgoing = Outgoing(1.0)
    outgoing.put(b"one ")
    outgoing.put(b"two")
    outgoing.end()
    await outgoing.drain(ours)
    assert await theirs.receive_some() == b"one two"
    assert await theirs.receive_some() == b""


async def test_a_client_that_lets_too_much_wait_is_cut() -> None:
    outgoing = Outgoing(1.0)
    with outgoing.scope:
        outgoing.put(bytes(MOST))
        await trio.lowlevel.checkpoint()
        assert not outgoing.is_slow
        outgoing.put(b"!")
        await trio.sleep_forever()
    assert outgoing.is_slow


async def test_a_client_that_reads_nothing_is_cut(autojump_clock: MockClock) -> None:
    ours, _theirs = faulty_pair(window=10)
    outgoing = Outgoing(5.0)
    outgoing.put(bytes(100))
    began = trio.current_time()
    with outgoing.scope:
        await outgoing.drain(ours)
    assert outgoing.is_slow
    assert trio.current_time() - began == pytest.approx(5.0)


async def test_last_words_have_a_moment(autojump_clock: MockClock) -> None:
    outgoing = Outgoing(5.0)
    began = trio.current_time()
    with outgoing.scope:
        outgoing.end()
        await trio.sleep_forever()
    assert not outgoing.is_slow
    assert trio.current_time() - began == pytest.approx(LINGER)
