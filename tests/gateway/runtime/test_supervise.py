from __future__ import annotations

import io
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from gateway.config import LogSettings
from gateway.runtime.logs import Log, open_log
from gateway.runtime.metrics import Metrics
from gateway.runtime.shutdown import Shutdown
from gateway.runtime.supervise import Restart, Run, ServiceFailed, open_supervisor


@pytest.fixture
def log() -> Log:
    return open_log(LogSettings(), io.StringIO())


def _recorded(name: str, story: list[str]) -> Run:
    async def run(*, task_status: trio.TaskStatus[str]) -> None:
        story.append(f"{name} up")
        task_status.started(f"at {name}")
        try:
            await trio.sleep_forever()
        finally:
            story.append(f"{name} down")

    return run


async def test_services_start_in_order_and_stop_in_reverse(log: Log) -> None:
    story: list[str] = []
    async with open_supervisor(log, Metrics(), Shutdown()) as services:
        assert await services.start("links", _recorded("links", story)) == "at links"
        assert await services.start("http", _recorded("http", story)) == "at http"
    assert story == ["links up", "http up", "http down", "links down"]


async def test_a_service_is_asked_to_stop_before_it_is_cancelled(
    log: Log, autojump_clock: MockClock
) -> None:
    story: list[str] = []
    asked = trio.Event()

    async def graceful(*, task_status: trio.TaskStatus[None]) -> None:
        task_status.started()
        await asked.wait()
        await trio.sleep(3)
        story.append("drained")

    async with open_supervisor(log, Metrics(), Shutdown()) as services:
        await services.start("http", graceful, stop=asked.set, stop_within=5)
        start = trio.current_time()
    assert story == ["drained"]
    assert trio.current_time() - start == 3


async def test_a_service_that_lingers_is_cancelled_in_time(
    log: Log, autojump_clock: MockClock
) -> None:
    async def stubborn(*, task_status: trio.TaskStatus[None]) -> None:
        task_status.started()
        await trio.sleep_forever()

    async with open_supervisor(log, Metrics(), Shutdown()) as services:
        await services.start("stubborn", stubborn, stop=lambda: None, stop_within=5)
        start = trio.current_time()
    assert trio.current_time() - start == 5


async def test_a_failure_ends_the_block_in_order_and_names_the_service(log: Log) -> None:
    story: list[str] = []
    metrics = Metrics()

    async def fails(*, task_status: trio.TaskStatus[None]) -> None:
        task_status.started()
        await trio.lowlevel.checkpoint()
        raise OSError("feed lost")

    async def block() -> None:
        async with open_supervisor(log, metrics, Shutdown()) as services:
            await services.start("links", _recorded("links", story))
            await services.start("outbox", fails)
            await services.start("http", _recorded("http", story))
            await trio.sleep_forever()

    with pytest.raises(ServiceFailed, match="outbox") as failure:
        await block()
    assert isinstance(failure.value.__cause__, OSError)
    assert story[-2:] == ["http down", "links down"]
    labels = {"service": "outbox"}
    assert metrics.registry.get_sample_value("gateway_service_failures_total", labels) == 1


async def test_ending_early_is_a_failure_too(log: Log) -> None:
    async def ends(*, task_status: trio.TaskStatus[None]) -> None:
        task_status.started()

    async def block() -> None:
        async with open_supervisor(log, Metrics(), Shutdown()) as services:
            await services.start("short", ends)
            await trio.sleep_forever()

    with pytest.raises(ServiceFailed, match="ended unexpectedly"):
        await block()


async def test_a_failure_before_being_ready_goes_to_the_caller(log: Log) -> None:
    async def cannot_bind(*, task_status: trio.TaskStatus[None]) -> None:
        raise OSError("address in use")

    async with open_supervisor(log, Metrics(), Shutdown()) as services:
        with pytest.raises(OSError, match="address in use"):
            await services.start("http", cannot_bind, restart=Restart())


async def test_returning_before_being_ready_goes_to_the_caller(log: Log) -> None:
    async def forgets(*, task_status: trio.TaskStatus[None]) -> None:
        await trio.lowlevel.checkpoint()

    async with open_supervisor(log, Metrics(), Shutdown()) as services:
        with pytest.raises(RuntimeError, match="started"):
            await services.start("forgets", forgets)


async def test_a_restart_waits_longer_each_time_until_it_runs_well(
    log: Log, autojump_clock: MockClock
) -> None:
    starts: list[float] = []
    origin = trio.current_time()

    async def flaky(*, task_status: trio.TaskStatus[Any]) -> None:
        starts.append(trio.current_time() - origin)
        task_status.started()
        if len(starts) == 4:
            await trio.sleep(100)
        if len(starts) == 6:
            await trio.sleep_forever()
        raise OSError("broker gone")

    restart = Restart(first=1, longest=3, healthy_after=60)
    async with open_supervisor(log, Metrics(), Shutdown()) as services:
        await services.start("bus", flaky, restart=restart)
        await trio.sleep(120)
    # 1 s, 2 s, 3 s (the longest); 100 s of health begin anew with 1 s, then 2 s.
    assert starts == [0, 1, 3, 6, 107, 109]


async def test_a_hurried_shutdown_does_not_wait(log: Log, autojump_clock: MockClock) -> None:
    shutdown = Shutdown()

    async def slow(*, task_status: trio.TaskStatus[None]) -> None:
        task_status.started()
        await trio.sleep_forever()

    async with open_supervisor(log, Metrics(), shutdown) as services:
        await services.start("slow", slow, stop=lambda: None, stop_within=1_000)
        shutdown.request("one")
        shutdown.request("two")
        start = trio.current_time()
    assert trio.current_time() == start
