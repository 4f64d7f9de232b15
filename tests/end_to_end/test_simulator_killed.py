"""The demo never hangs and never leaves a process behind, however it ends."""

from __future__ import annotations

import os
import signal

import pytest

from tests.end_to_end.programs import is_alive, run_gateway
from tests.support.link_world import until

pytestmark = [pytest.mark.slow, pytest.mark.process]


async def test_killed_in_mid_story_ends_with_a_reason() -> None:
    async with run_gateway("demo", "--once") as program:
        await program.line("lease held")
        (vehicles,) = program.children()
        os.kill(vehicles, signal.SIGKILL)
        reason = await program.line("the story could not be told", within=20)
        assert "simulator ended with status -9" in reason
        assert await program.ended(within=15) == 1
    assert not any("Traceback" in line for line in program.err)


async def test_a_stopped_demo_takes_its_vehicles_along() -> None:
    async with run_gateway("demo", "--no-story", "--connectors", "1") as program:
        await program.line("still here")
        (vehicles,) = program.children()
        program.ask_to_stop()
        assert await program.ended(within=10) == 0
        assert not is_alive(vehicles)
    assert program.err == []


async def test_a_story_that_is_interrupted_says_so_by_its_status() -> None:
    async with run_gateway("demo", "--once") as program:
        await program.line("is created")
        program.process.send_signal(signal.SIGINT)
        assert await program.ended(within=20) == 130
    assert not any("Traceback" in line for line in program.err)


async def test_a_killed_demo_leaves_no_vehicles_either() -> None:
    async with run_gateway("demo", "--no-story", "--connectors", "1") as program:
        await program.line("still here")
        (vehicles,) = program.children()
        program.process.kill()
        await until(lambda: not is_alive(vehicles), within=10, every=0.02)
