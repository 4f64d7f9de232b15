"""A Trio run in a thread: what is called there, how it ends, and that nothing stays behind."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
import trio
import trio.lowlevel

from gateway.client.errors import Misconfigured
from gateway.client.portal import Portal

#: What happens in the thread, in order.
Told = list[str]


@pytest.fixture
def told() -> Told:
    return []


@pytest.fixture
def portal(told: Told) -> Iterator[Portal[str]]:
    @asynccontextmanager
    async def opens() -> AsyncIterator[str]:
        told.append("open")
        try:
            yield "value"
        finally:
            told.append("closed")

    opened = Portal(opens, "portal-test")
    yield opened
    opened.close()
    assert "portal-test" not in {thread.name for thread in threading.enumerate()}
    assert told[-1] == "closed"


async def double(number: int) -> int:
    await trio.lowlevel.checkpoint()
    return 2 * number


async def fail() -> None:
    await trio.lowlevel.checkpoint()
    raise KeyError("in the thread")


def test_functions_run_in_the_thread(portal: Portal[str], told: Told) -> None:
    assert (portal.value, told) == ("value", ["open"])
    assert portal.call(double, 21) == 42
    with pytest.raises(KeyError):
        portal.call(fail)
    assert portal.start(double, 4).result(2) == 8
    with pytest.raises(KeyError):
        portal.start(fail).result(2)
    done = threading.Event()
    portal.call_soon(done.set)
    assert done.wait(2)


def test_threads_call_side_by_side(portal: Portal[str]) -> None:
    meeting = trio.Event()
    found: list[int] = []

    async def wait() -> int:
        await meeting.wait()
        return 1

    threads = [threading.Thread(target=lambda: found.append(portal.call(wait))) for _ in range(4)]
    for thread in threads:
        thread.start()
    portal.call_soon(meeting.set)
    for thread in threads:
        thread.join(2)
    assert found == [1] * 4


def test_closing_ends_what_is_under_way(portal: Portal[str]) -> None:
    begun = threading.Event()
    failures: list[BaseException] = []

    async def forever() -> None:
        begun.set()
        await trio.sleep_forever()

    def call() -> None:
        try:
            portal.call(forever)
        except Misconfigured as error:
            failures.append(error)

    caller = threading.Thread(target=call)
    caller.start()
    waiting = portal.start(forever)
    assert begun.wait(2)
    portal.close()
    caller.join(2)
    assert len(failures) == 1
    with pytest.raises(Misconfigured, match="closed"):
        waiting.result(2)
    with pytest.raises(Misconfigured):
        portal.call(double, 1)
    with pytest.raises(Misconfigured):
        portal.start(double, 1)
    portal.close()


def test_what_cannot_be_opened_leaves_no_thread() -> None:
    @asynccontextmanager
    async def opens() -> AsyncIterator[None]:
        await fail()
        yield

    with pytest.raises(KeyError, match="in the thread"):
        Portal(opens, "portal-test")
    assert "portal-test" not in {thread.name for thread in threading.enumerate()}


def test_what_goes_wrong_in_leaving_is_told() -> None:
    @asynccontextmanager
    async def opens() -> AsyncIterator[None]:
        yield
        raise ConnectionError("while leaving")

    portal = Portal(opens, "portal-test")
    with pytest.raises(ConnectionError, match="while leaving"):
        portal.close()
