"""The gateway as a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

Json = Any  # what a test reads out of a line is its own business


@dataclass(eq=False)
class Program:
    """A ``gateway`` process, with everything it has written so far."""

    process: trio.Process
    out: list[str] = field(default_factory=list)
    err: list[str] = field(default_factory=list)
    _moved: trio.Event = field(default_factory=trio.Event)
    _reading: int = 0

    async def read(self, stream: trio.abc.ReceiveStream, into: list[str]) -> None:
        """Keep the lines of a stream, for ever."""
        rest = b""
        self._reading += 1
        while data := await stream.receive_some():
            *lines, rest = (rest + data).split(b"\n")
            into.extend(line.decode(errors="replace") for line in lines)
            self._move()
        self._reading -= 1
        self._move()

    def _move(self) -> None:
        self._moved.set()
        self._moved = trio.Event()

    async def line(self, words: str, *, within: float = 30) -> str:
        """Wait for a line with these words, on either stream; return it.

        A program that ends without saying them fails the test with what it said instead.
        """
        with trio.move_on_after(within):
            while self._reading or self._found(words):
                if (line := self._found(words)) is not None:
                    return line
                await self._moved.wait()
        pytest.fail(f"never said {words!r}: {self.out[-5:]}, {self.err[-20:]}")

    def _found(self, words: str) -> str | None:
        return next((line for line in (*self.out, *self.err) if words in line), None)

    async def ended(self, *, within: float = 30) -> int:
        """Wait for the end; return the exit status."""
        with trio.fail_after(within):
            return await self.process.wait()

    def ask_to_stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def children(self) -> list[int]:
        """Return the processes this one has started."""
        listed = subprocess.check_output(["ps", "-A", "-o", "pid=,ppid="], text=True)
        pairs = (line.split() for line in listed.splitlines())
        return [int(pid) for pid, parent in pairs if int(parent) == self.process.pid]

    def ready(self) -> Json:
        """Return the first line on standard output, as JSON."""
        return json.loads(self.out[0])


@asynccontextmanager
async def run_gateway(
    *arguments: str, environment: Mapping[str, str] | None = None
) -> AsyncIterator[Program]:
    """Run ``gateway`` with these arguments; it does not outlive the block."""
    async with trio.open_nursery() as nursery:
        process = await trio.lowlevel.open_process(
            [sys.executable, "-m", "gateway", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **(environment or {})},
        )
        program = Program(process)
        assert process.stdout is not None
        assert process.stderr is not None
        nursery.start_soon(program.read, process.stdout, program.out)
        nursery.start_soon(program.read, process.stderr, program.err)
        await trio.testing.wait_all_tasks_blocked()
        try:
            yield program
            with trio.move_on_after(2):
                # What the process said last may still be on its way.
                await trio.testing.wait_all_tasks_blocked(0.01)
        finally:
            process.kill()
            with trio.move_on_after(5, shield=True):
                await process.wait()
            nursery.cancel_scope.cancel()


def is_alive(pid: int) -> bool:
    """Tell whether a process is still there, and no zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] != "Z"
