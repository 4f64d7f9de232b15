from __future__ import annotations

import io
import os
import signal

import trio
from trio.testing import MockClock

from gateway.config import LogSettings
from gateway.runtime.logs import Log, open_log
from gateway.runtime.shutdown import Shutdown, Step, drain, watch_signals


def _log() -> tuple[Log, io.StringIO]:
    stream = io.StringIO()
    return open_log(LogSettings(), stream), stream


async def test_a_signal_asks_and_a_second_one_hurries() -> None:
    log, _ = _log()
    shutdown = Shutdown()
    async with trio.open_nursery() as nursery:
        await nursery.start(watch_signals, shutdown, log)
        os.kill(os.getpid(), signal.SIGTERM)
        await shutdown.requested.wait()
        assert shutdown.reason == "SIGTERM"
        assert not shutdown.hurried.is_set()
        os.kill(os.getpid(), signal.SIGINT)
        await shutdown.hurried.wait()
        nursery.cancel_scope.cancel()
    assert shutdown.reason == "SIGTERM"


async def test_steps_run_in_order_and_a_slow_one_is_cut(autojump_clock: MockClock) -> None:
    log, stream = _log()
    ran: list[tuple[str, float]] = []
    start = trio.current_time()

    def step(name: str, takes: float, within: float) -> Step:
        async def run() -> None:
            await trio.sleep(takes)
            ran.append((name, trio.current_time() - start))

        return Step(name, run, within)

    steps = [step("links", 1, 2), step("exchanges", 60, 5), step("server", 1, 2)]
    assert await drain(steps, Shutdown(), log) == ("exchanges",)
    assert ran == [("links", 1), ("server", 7)]
    assert "exchanges" in stream.getvalue()


async def test_a_failing_step_is_reported_and_the_next_one_runs() -> None:
    log, stream = _log()
    ran: list[str] = []

    async def fail() -> None:
        raise OSError("disk full")

    async def succeed() -> None:
        ran.append("database")

    steps = [Step("recordings", fail, 1), Step("database", succeed, 1)]
    assert await drain(steps, Shutdown(), log) == ("recordings",)
    assert ran == ["database"]
    assert "disk full" in stream.getvalue()


async def test_hurrying_cuts_the_running_step_and_those_after_it(
    autojump_clock: MockClock,
) -> None:
    log, _ = _log()
    shutdown = Shutdown()
    shutdown.request("test")
    start = trio.current_time()

    async def hurry() -> None:
        await trio.sleep(3)
        shutdown.request("again")

    async def linger() -> None:
        await trio.sleep(100)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(hurry)
        steps = [Step("one", linger, 200), Step("two", linger, 200)]
        assert await drain(steps, shutdown, log) == ("one", "two")
    assert trio.current_time() - start == 3
