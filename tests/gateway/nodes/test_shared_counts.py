from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
from structlog.typing import FilteringBoundLogger
from trio.testing import MockClock

from gateway.bus.notices import Notices
from gateway.config import SecuritySettings
from gateway.domain.errors import Throttled
from gateway.identity.throttle import Throttle
from gateway.nodes.shared_counts import Count, SharedCounts
from gateway.web.rate_limits import Quota, RateLimiter
from tests.support.line_room import Room

LIMITS = SecuritySettings(attempts_per_address=3, lockout_first=60.0)


@asynccontextmanager
async def sharing(*counts: Count, log: FilteringBoundLogger) -> AsyncIterator[Room]:
    """Let nodes share a count, one node for each."""
    room = Room()
    async with trio.open_nursery() as nursery:
        for number, count in enumerate(counts):
            notices = Notices(room.line(), f"node-{number:08}", log)
            SharedCounts(notices).share("it", count)
            await nursery.start(notices.run)
        yield room
        nursery.cancel_scope.cancel()


def guess(throttle: Throttle, address: str = "192.0.2.1", *, right: bool = False) -> None:
    with throttle.attempt(address, trio.current_time()) as attempt:
        if right:
            attempt.succeeded()


async def test_a_guesser_gains_nothing_by_asking_every_node(
    log: FilteringBoundLogger, autojump_clock: MockClock
) -> None:
    nodes = [Throttle(LIMITS) for _ in range(3)]
    async with sharing(*nodes, log=log):
        for node in nodes:
            guess(node)
        for node in nodes:
            with pytest.raises(Throttled):
                guess(node)
            guess(node, "192.0.2.2", right=True)  # others are not touched


async def test_who_comes_in_is_taken_back_everywhere(
    log: FilteringBoundLogger, autojump_clock: MockClock
) -> None:
    one, other = Throttle(LIMITS), Throttle(LIMITS)
    async with sharing(one, other, log=log):
        for _ in range(10):
            guess(one, right=True)
            guess(other, right=True)
        guess(one)
        guess(other)
        guess(one)
        with pytest.raises(Throttled):
            guess(other)


async def test_a_client_has_one_bucket_whichever_node_it_asks(
    log: FilteringBoundLogger, autojump_clock: MockClock
) -> None:
    one, other = (RateLimiter(Quota(rate=1.0, burst=4)) for _ in range(2))
    async with sharing(one, other, log=log):
        now = trio.current_time()
        left = [limiter.ask("client", now).remaining for limiter in (one, other, one, other)]
        assert left == [3, 2, 1, 0]
        assert one.ask("client", now).wait > 0
        assert one.ask("another", now).remaining == 3
        assert other.ask("client", now + 2.0).remaining == 1


async def test_without_a_line_each_counts_alone(
    log: FilteringBoundLogger, autojump_clock: MockClock
) -> None:
    one, other = (RateLimiter(Quota(rate=1.0, burst=2)) for _ in range(2))
    async with sharing(one, other, log=log) as room:
        room.cut()
        now = trio.current_time()
        assert [limiter.ask("client", now).remaining for limiter in (one, other)] == [1, 1]
