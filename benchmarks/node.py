"""A gateway with simulated vehicles, each in a process of its own, as in the field."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from subprocess import PIPE
from tempfile import TemporaryDirectory

import msgspec
import trio

from gateway.demo.world import World

#: From start to the ready line, seconds; every connector has to come online.
START_LIMIT = 120.0


@asynccontextmanager
async def open_node(connectors: int) -> AsyncIterator[World]:
    """Run a gateway with ``connectors`` vehicles while the block runs."""
    with TemporaryDirectory(prefix="gateway-bench-") as folder:
        command = [
            sys.executable,
            "-m",
            "gateway",
            "demo",
            "--json",
            "--no-story",
            "--data",
            folder,
            "--connectors",
            str(connectors),
        ]
        async with trio.open_nursery() as nursery:
            process: trio.Process = await nursery.start(
                partial(trio.run_process, command, stdout=PIPE, check=False)
            )
            with trio.fail_after(START_LIMIT):
                yield_world = msgspec.json.decode(await _first_line(process), type=World)
            try:
                yield yield_world
            finally:
                process.terminate()
                with trio.move_on_after(20, shield=True):
                    await process.wait()
            nursery.cancel_scope.cancel()


async def _first_line(process: trio.Process) -> bytes:
    if process.stdout is None:
        raise AssertionError("standard output is a pipe")
    line = b""
    async for data in process.stdout:
        line += data
        if b"\n" in line:
            return line.partition(b"\n")[0]
    raise RuntimeError("the gateway ended before it was ready")
