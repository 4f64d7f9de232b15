from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MemoryReceiveStream, MemorySendStream, memory_stream_pair
from typing_extensions import override

from gateway.nodes.sealed import (
    GREETING,
    LONGEST,
    LONGEST_FIRST,
    NONCE_SIZE,
    Sealed,
    StreamLost,
    answer,
    dial,
)

SECRET, OTHER = b"s" * 32, b"o" * 32
Stream = trio.StapledStream[MemorySendStream, MemoryReceiveStream]


async def meet(
    ours: bytes = SECRET, accepted: tuple[bytes, ...] = (SECRET,)
) -> tuple[Sealed, Sealed, Stream, Stream]:
    """Return both ends, and the streams below them."""
    near, far = memory_stream_pair()
    ends: dict[str, Sealed] = {}

    async def begin(name: str, how: Callable[[], Awaitable[Sealed]]) -> None:
        ends[name] = await how()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(begin, "near", partial(dial, near, ours))
        nursery.start_soon(begin, "far", partial(answer, far, accepted))
    return ends["near"], ends["far"], near, far


async def test_messages_go_both_ways_in_order() -> None:
    near, far, *_ = await meet()
    said = [b"", b"x", b"y" * 100_000]
    async with trio.open_nursery() as nursery:
        for end in (near, far):
            for message in said:
                nursery.start_soon(end.send, message)
        for end in (near, far):
            heard = [await end.receive() for _ in said]
            assert sorted(heard, key=lambda it: len(it or b"")) == said


async def test_nobody_reads_along() -> None:
    near, _far, _ours, theirs = await meet()
    text = b"the VIN is WVWZZZAUZHP341562"
    await near.send(text)
    seen = bytes(await theirs.receive_some(1000))
    assert text not in seen
    assert len(seen) == 4 + len(text) + 16


async def test_whoever_has_another_secret_is_not_understood() -> None:
    near, far, *_ = await meet(ours=OTHER)
    await near.send(b"let me in")
    with pytest.raises(StreamLost, match="secret"):
        await far.receive()


async def test_nodes_get_a_new_secret_in_turn() -> None:
    near, far, *_ = await meet(ours=OTHER, accepted=(SECRET, OTHER))
    await near.send(b"with the old one")
    assert await far.receive() == b"with the old one"
    await far.send(b"fine")
    assert await near.receive() == b"fine"


@pytest.mark.parametrize("spoil", ["changed", "repeated", "cut", "too long"])
async def test_what_somebody_did_to_a_message_is_noticed(spoil: str) -> None:
    near, far, _ours, theirs = await meet()
    await near.send(b"transfer 10 EUR")
    record = bytes(await theirs.receive_some(1000))
    relayed, end = memory_stream_pair()
    far.stream = end
    match spoil:
        case "changed":
            await relayed.send_all(record[:-20] + bytes((record[-20] ^ 1,)) + record[-19:])
        case "repeated":
            await relayed.send_all(record * 2)
            assert await far.receive() == b"transfer 10 EUR"
        case "cut":
            await relayed.send_all(record[:-1])
            await relayed.send_eof()
        case _:
            await relayed.send_all((LONGEST + 1).to_bytes(4, "big"))
    with pytest.raises(StreamLost):
        await far.receive()


async def test_a_stranger_cannot_make_us_wait_for_much() -> None:
    stranger, ours = memory_stream_pair()
    async with trio.open_nursery() as nursery:

        async def claim() -> None:
            await stranger.send_all(GREETING + bytes(NONCE_SIZE))
            await stranger.send_all((LONGEST_FIRST + 1).to_bytes(4, "big"))

        nursery.start_soon(claim)
        end = await answer(ours, (SECRET,))
        with pytest.raises(StreamLost, match="a record of"):
            await end.receive()


async def test_a_node_may_say_much() -> None:
    near, far, *_ = await meet()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(near.send, b"who I am")
        assert await far.receive() == b"who I am"
        nursery.start_soon(near.send, bytes(LONGEST_FIRST + 1))
        assert await far.receive() == bytes(LONGEST_FIRST + 1)


async def test_hanging_up_is_no_accident() -> None:
    near, far, ours, _ = await meet()
    await near.send(b"bye")
    await ours.aclose()
    assert await far.receive() == b"bye"
    assert await far.receive() is None
    with pytest.raises(StreamLost):
        await far.send(b"?")


async def test_after_half_a_message_nothing_more_can_be_said() -> None:
    near, *_ = await meet()
    near.stream = trio.StapledStream(NeverTakes(), MemoryReceiveStream())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(near.send, b"half")
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    assert near.torn
    with pytest.raises(StreamLost, match="cut short"):
        await near.send(b"more")


class NeverTakes(trio.abc.SendStream):
    """A peer that reads nothing."""

    @override
    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        await trio.sleep_forever()

    @override
    async def wait_send_all_might_not_block(self) -> None:
        await trio.sleep_forever()

    @override
    async def aclose(self) -> None:
        await trio.lowlevel.checkpoint()


@given(st.binary(max_size=200))
@settings(max_examples=40, deadline=None)
def test_strangers_get_nothing(noise: bytes) -> None:
    async def knock() -> None:
        near, far = memory_stream_pair()
        await near.send_all(noise)
        await near.send_eof()
        with pytest.raises(StreamLost):
            await _first_word(far)

    trio.run(knock)


async def _first_word(stream: Stream) -> None:
    sealed = await answer(stream, (SECRET,))
    if await sealed.receive() is None:
        raise StreamLost("it said nothing")


async def test_what_is_no_node_is_noticed_by_who_dials() -> None:
    near, far = memory_stream_pair()
    await far.send_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    await far.send_eof()
    with pytest.raises(StreamLost):
        await dial(near, SECRET)
    assert len(await far.receive_some(1000)) == len(GREETING) + NONCE_SIZE
