from __future__ import annotations

import io
import json
from collections.abc import Awaitable, Callable

import pytest
import trio
from trio.testing import MemoryReceiveStream, MemorySendStream, MockClock, memory_stream_pair
from typing_extensions import override

from gateway.config import LogSettings
from gateway.runtime.guard import CLOSE_DEADLINE, close_now, failure_counter, guard, peer_of
from gateway.runtime.logs import open_log
from gateway.runtime.metrics import Metrics

Stream = trio.StapledStream[MemorySendStream, MemoryReceiveStream]


class _Watch:
    """A guard with everything it reports to."""

    def __init__(self) -> None:
        self.stream = io.StringIO()
        self.metrics = Metrics()

    def wrap(
        self, handler: Callable[[Stream], Awaitable[None]]
    ) -> Callable[[Stream], Awaitable[None]]:
        log = open_log(LogSettings(level="info"), self.stream)
        return guard(handler, name="test", log=log, counter=failure_counter(self.metrics))

    def lines(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]

    def count(self, error: str) -> float:
        labels = {"door": "test", "error": error}
        return (
            self.metrics.registry.get_sample_value("gateway_connection_failures_total", labels)
            or 0
        )


async def test_an_exception_becomes_a_closed_stream_a_line_and_a_count() -> None:
    watch = _Watch()
    ours, theirs = memory_stream_pair()

    async def handler(_stream: Stream) -> None:
        await trio.lowlevel.checkpoint()
        raise UnicodeDecodeError("ascii", b"\xff", 0, 1, "ordinal not in range")

    await watch.wrap(handler)(ours)
    assert await theirs.receive_some() == b""
    [line] = watch.lines()
    assert (line["event"], line["door"], line["error"]) == (
        "connection failed",
        "test",
        "UnicodeDecodeError",
    )
    assert str(line["where"]).startswith("test_guard.py:")
    assert watch.count("UnicodeDecodeError") == 1


async def test_a_group_from_a_nursery_is_held_as_well() -> None:
    watch = _Watch()
    ours, _ = memory_stream_pair()

    async def fail() -> None:
        raise OSError("reset")

    async def handler(_stream: Stream) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(fail)

    await watch.wrap(handler)(ours)
    assert watch.count("OSError") == 1


async def test_a_good_connection_is_closed_without_a_word() -> None:
    watch = _Watch()
    ours, theirs = memory_stream_pair()

    async def handler(stream: Stream) -> None:
        await stream.send_all(b"hello")

    await watch.wrap(handler)(ours)
    assert await theirs.receive_some() == b"hello"
    assert await theirs.receive_some() == b""
    assert watch.lines() == []


async def test_cancellation_passes_through() -> None:
    watch = _Watch()
    ours, theirs = memory_stream_pair()

    async def handler(_stream: Stream) -> None:
        await trio.sleep_forever()

    with trio.CancelScope() as scope:
        scope.cancel()
        await watch.wrap(handler)(ours)
    assert scope.cancelled_caught
    assert await theirs.receive_some() == b""
    assert watch.lines() == []


async def test_an_error_beside_a_cancellation_is_held_and_the_cancellation_passes() -> None:
    watch = _Watch()
    ours, _ = memory_stream_pair()

    async def fail_on_cancel() -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise ValueError("while cleaning up")

    async def handler(_stream: Stream) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(fail_on_cancel)
            nursery.start_soon(trio.sleep_forever)

    with trio.CancelScope() as scope:
        scope.cancel()
        await watch.wrap(handler)(ours)
    assert scope.cancelled_caught
    assert watch.count("ValueError") == 1


async def test_what_is_no_exception_of_a_connection_is_not_held() -> None:
    async def handler(_stream: Stream) -> None:
        raise KeyboardInterrupt

    with pytest.RaisesGroup(KeyboardInterrupt, allow_unwrapped=True):
        await _Watch().wrap(handler)(memory_stream_pair()[0])


class _Hanging(trio.abc.AsyncResource):
    """Hangs in its close, even when it is cancelled."""

    @override
    async def aclose(self) -> None:
        with trio.CancelScope(shield=True):
            await trio.sleep(CLOSE_DEADLINE / 2)
        await trio.sleep_forever()


async def test_a_forced_close_is_bounded_and_shielded(autojump_clock: MockClock) -> None:
    start = trio.current_time()
    with trio.CancelScope() as scope:
        scope.cancel()
        await close_now(_Hanging())
    assert trio.current_time() - start <= CLOSE_DEADLINE


async def test_the_peer_is_named_where_the_stream_knows_it() -> None:
    [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
    async with listener:
        client = await trio.open_tcp_stream("127.0.0.1", listener.socket.getsockname()[1])
        async with client, await listener.accept() as server:
            host, port = client.socket.getsockname()
            assert peer_of(server) == f"{host}:{port}"
        assert peer_of(server) == "?"
