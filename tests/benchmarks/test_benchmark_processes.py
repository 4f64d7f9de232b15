from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest
import trio

from benchmarks.processes import open_service, usage

pytestmark = [pytest.mark.slow, pytest.mark.process]


def program(text: str) -> list[str]:
    return [sys.executable, "-u", "-c", text]


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


WAITS = "print('noise'); print('ready 7'); import signal; signal.pause()"


async def test_a_service_says_when_it_is_ready_and_does_not_outlive_its_block() -> None:
    async with trio.open_nursery() as nursery:
        async with open_service(program(WAITS), nursery) as service:
            assert await service.wait_line("ready") == "ready 7"
            assert usage(service.pid).resident_kib > 1000
            service.check()
            pid = service.pid
        assert gone(pid)


async def test_a_killed_service_starts_again() -> None:
    async with trio.open_nursery() as nursery, open_service(program(WAITS), nursery) as service:
        await service.wait_line("ready")
        first = service.pid
        await service.kill()
        with pytest.raises(RuntimeError, match=f"ended with {-signal.SIGKILL}"):
            service.check()
        await service.start()
        assert await service.wait_line("ready") == "ready 7"
        assert service.pid != first


async def test_a_service_that_ends_silently_is_reported() -> None:
    silent = program("print('oh no')")
    async with trio.open_nursery() as nursery, open_service(silent, nursery) as service:
        with pytest.raises(RuntimeError, match="no 'ready'\noh no"):
            await service.wait_line("ready")


def test_processor_time_grows_with_work() -> None:
    before = usage(os.getpid()).cpu_seconds
    sum(range(3_000_000))
    assert usage(os.getpid()).cpu_seconds > before


async def test_the_last_words_of_a_service_that_failed_are_shown(
    capsys: pytest.CaptureFixture[str],
) -> None:
    failing = program("print('oh no'); raise SystemExit(3)")
    async with trio.open_nursery() as nursery, open_service(failing, nursery) as service:
        # Seen as a zombie until somebody asks for its status.
        stat = Path(f"/proc/{service.pid}/stat")
        with trio.fail_after(10):
            while stat.read_text().rpartition(")")[2].split()[0] != "Z":  # noqa: ASYNC110, ASYNC240
                await trio.sleep(0.01)
        with pytest.raises(RuntimeError, match="ended with 3"):
            service.check()
    assert "oh no" in capsys.readouterr().err
