from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import trio

from gateway.domain.errors import Conflict
from gateway.storage.folder import LOCK_NAME, held_alone

#: Another process that runs on the folder.
HOLD = """
import sys, trio
from pathlib import Path
from gateway.storage.folder import held_alone

async def hold():
    async with held_alone(Path(sys.argv[1])):
        print("held", flush=True)
        await trio.sleep(60)

trio.run(hold)
"""


async def test_a_second_gateway_is_kept_out_until_the_first_one_ends(tmp_path: Path) -> None:
    async with held_alone(tmp_path):
        with pytest.raises(Conflict, match=str(tmp_path)) as refused:
            async with held_alone(tmp_path):
                raise AssertionError("two at once")
    assert refused.value.code == "data.in_use"
    async with held_alone(tmp_path):
        assert (tmp_path / LOCK_NAME).stat().st_mode & 0o077 == 0


async def test_what_is_left_of_a_killed_gateway_keeps_nobody_out(tmp_path: Path) -> None:
    (tmp_path / LOCK_NAME).touch(mode=0o600)
    async with held_alone(tmp_path):
        pass


@pytest.mark.process
async def test_a_kill_lets_go(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    other = await trio.lowlevel.open_process(command, stdout=subprocess.PIPE)
    try:
        assert other.stdout is not None
        with trio.fail_after(30):
            assert (await other.stdout.receive_some()).startswith(b"held")
        with pytest.raises(Conflict):
            async with held_alone(tmp_path):
                raise AssertionError("two at once")
    finally:
        other.kill()
        await other.wait()
    async with held_alone(tmp_path):
        pass
