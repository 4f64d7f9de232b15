"""The line between nodes through Valkey or Redis: publish and subscribe on one channel.

Messages that wait together leave as one, so that a fleet which comes back costs a few round trips.
A line that broke is made again with growing pauses; what was to be said meanwhile is not kept.

Coredis works for Trio by way of anyio. Its own retries are off: they would hide from us that the
line was down. Its errors come in exception groups, whose members are of the library or of the
network.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING

import msgspec
import trio
from structlog.typing import FilteringBoundLogger
from typing_extensions import override

from gateway.bus.line import Ear, Line
from gateway.runtime.feeds import Feed, FeedStatistics, Policy

if TYPE_CHECKING:
    import coredis
    from coredis.patterns.pubsub import PubSub

#: Messages that may wait to go out; the oldest go when it is full. A fleet tells of itself.
CAPACITY = 32_768

#: Messages that leave as one.
AT_ONCE = 512

#: Seconds until the first attempt at a new line, and the longest such pause.
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0

#: Seconds within which the server has to answer. A server that hangs is a line that is down.
ANSWER_WITHIN = 5.0

#: Seconds without a word after which the server is asked whether it is there.
SILENCE = 5.0

_pack = msgspec.msgpack.Encoder()
_unpack = msgspec.msgpack.Decoder(list[bytes])


class ValkeyLine(Line):
    """Owns this node's connections to the server; alive while :meth:`run` runs.

    Args:
        url: of the server.
        channel: that all nodes share.
        log: one line each time the line breaks or is back.
    """

    def __init__(self, url: str, channel: str, log: FilteringBoundLogger) -> None:
        # redis and valkey speak the same; the library knows one of the names.
        self._url = url.replace("valkey", "redis", 1) if url.startswith("valkey") else url
        self._channel = channel
        self._log = log
        self._out: Feed[bytes] = Feed(CAPACITY, Policy.DROP_OLDEST)
        self._is_up = False

    @override
    def say(self, message: bytes) -> bool:
        return self._is_up and self._out.put_nowait(message)

    def statistics(self) -> FeedStatistics:
        """Return how many messages wait and how many were lost."""
        return self._out.statistics()

    @override
    async def run(
        self, ear: Ear, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        task_status.started()
        pause = FIRST_PAUSE
        while True:
            try:
                async with self._connected() as (client, subscription):
                    self._turn(ear, is_up=True)
                    pause = FIRST_PAUSE
                    await self._carry(ear, client, subscription)
            # A boundary like a connection's: whatever the library fails with, the line is down.
            except* Exception as errors:  # noqa: BLE001
                if self._is_up or pause == FIRST_PAUSE:
                    self._log.warning("bus lost", error=_shortly(errors), retry_in=pause)
            finally:
                if self._is_up:
                    self._turn(ear, is_up=False)
            await trio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - keeps nodes apart
            pause = min(pause * 2, LONGEST_PAUSE)

    def _turn(self, ear: Ear, *, is_up: bool) -> None:
        self._is_up = is_up
        if is_up:
            self._out.take_all()  # said before the line broke, and out of date
            self._log.info("bus connected")
            ear.up()
        else:
            ear.down()

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[tuple[coredis.Redis[bytes], PubSub[bytes]]]:
        # 15 MiB with what it brings along: for those who have such a server.
        import coredis  # noqa: PLC0415
        from coredis.retry import NoRetryPolicy  # noqa: PLC0415

        client: coredis.Redis[bytes] = coredis.Redis.from_url(
            self._url,
            decode_responses=False,
            retry_policy=NoRetryPolicy(),
            connect_timeout=ANSWER_WITHIN,
            stream_timeout=ANSWER_WITHIN,
        )
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(client)
            subscription = client.pubsub(
                ignore_subscribe_messages=True,
                retry_policy=NoRetryPolicy(),
                channels=[self._channel],
                subscription_timeout=ANSWER_WITHIN,
            )
            yield client, await stack.enter_async_context(subscription)

    async def _carry(
        self, ear: Ear, client: coredis.Redis[bytes], subscription: PubSub[bytes]
    ) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(self._speak, client))
            async for message in subscription:
                data = message["data"]
                if isinstance(data, bytes):
                    for one in _unpack.decode(data):
                        ear.heard(one)
            raise ConnectionResetError("the subscription ended")

    async def _speak(self, client: coredis.Redis[bytes]) -> None:
        waiting: list[bytes] = []
        while True:
            if not waiting:
                # An empty message asks whether the server is there.
                with trio.move_on_after(SILENCE):
                    waiting = [await self._out.receive()]
            waiting += self._out.take_all()
            batch, waiting = waiting[:AT_ONCE], waiting[AT_ONCE:]
            with trio.fail_after(ANSWER_WITHIN):
                await client.publish(self._channel, _pack.encode(batch))


def _shortly(errors: BaseExceptionGroup[BaseException]) -> str:
    inner: BaseException = errors
    while isinstance(inner, BaseExceptionGroup):
        inner = inner.exceptions[0]
    return f"{type(inner).__name__}: {inner}"[:200]
