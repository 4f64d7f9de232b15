"""Programs that a suite starts: what they say, what they use, and that they end."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import trio

#: Seconds a program gets to end when asked; ten thousand farewells take a while.
STOP_LIMIT = 30.0

#: Lines of a program that are kept, for what a suite reads out of them and for bad news.
KEPT_LINES = 200

_TICK = 1 / os.sysconf("SC_CLK_TCK")
_PAGE_KIB = resource.getpagesize() / 1024


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process has used.

    Attributes:
        cpu_seconds: processor time of all its threads, user and system.
        resident_kib: memory it occupies.
    """

    cpu_seconds: float
    resident_kib: float


def usage(pid: int) -> Usage:
    """Return what a running process has used so far (proc(5): stat and statm)."""
    folder = Path("/proc") / str(pid)
    # The name, in parentheses, may hold anything; fields are counted behind it.
    fields = (folder / "stat").read_text().rpartition(")")[2].split()
    resident = (folder / "statm").read_text().split()[1]
    ticks = int(fields[11]) + int(fields[12])
    return Usage(ticks * _TICK, int(resident) * _PAGE_KIB)


def usage_with_children(pid: int) -> Usage:
    """Return what a running process and those it has started have used so far.

    Those that have ended by now are left out.
    """
    used = [usage(pid)]
    for child in (Path("/proc") / str(pid) / "task" / str(pid) / "children").read_text().split():
        with suppress(FileNotFoundError, ProcessLookupError):
            used.append(usage_with_children(int(child)))
    return Usage(sum(one.cpu_seconds for one in used), sum(one.resident_kib for one in used))


class Service:
    """One program, which can be started again; :func:`open_service` makes it.

    Args:
        command: its command line.
        environment: of the program; this one's when left out.
        nursery: of the task that reads what it says; the service does not outlive it.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str] | None,
        nursery: trio.Nursery,
    ) -> None:
        self._command = list(command)
        self._environment = environment
        self._nursery = nursery
        self._process: trio.Process | None = None
        self._moved = trio.Event()
        self._silent = False
        self._killed = False
        self.lines: deque[str] = deque(maxlen=KEPT_LINES)
        #: How many lines it has said since it was made, kept or not.
        self.said = 0

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._running.pid

    @property
    def _running(self) -> trio.Process:
        if self._process is None:
            raise RuntimeError(f"{self._command} was never started")
        return self._process

    async def start(self) -> None:
        """Start it, for the first time or again."""
        self._silent = self._killed = False
        self._process = await trio.lowlevel.open_process(
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=None if self._environment is None else dict(self._environment),
        )
        self._nursery.start_soon(self._read, self._process)

    async def _read(self, process: trio.Process) -> None:
        if process.stdout is None:
            raise AssertionError("its output is a pipe")
        rest = b""
        async for data in process.stdout:
            *lines, rest = (rest + data).split(b"\n")
            self.said += len(lines)
            self.lines.extend(line.decode(errors="replace") for line in lines)
            self._stir()
        self._silent = True
        self._stir()

    def _stir(self) -> None:
        self._moved.set()
        self._moved = trio.Event()

    async def wait_line(self, beginning: str) -> str:
        """Wait for a line that begins so, take it and all before it away, and return it.

        Raises:
            RuntimeError: the program ended without saying so; with its last lines.
        """
        said: list[str] = []
        while True:
            while self.lines:
                said.append(self.lines.popleft())
                if said[-1].startswith(beginning):
                    return said[-1]
            if self._silent:
                raise RuntimeError("\n".join((f"{self._command}: no {beginning!r}", *said)))
            await self._moved.wait()

    @property
    def is_running(self) -> bool:
        """It has not ended."""
        return self._running.poll() is None

    def check(self) -> None:
        """Raise ``RuntimeError`` if it has ended by itself."""
        if self._running.poll() is not None:
            last = "\n".join(self.lines)
            raise RuntimeError(f"{self._command} ended with {self._running.returncode}:\n{last}")

    async def kill(self) -> None:
        """End it as a power cut would."""
        self._killed = True
        self._running.kill()
        await self._running.wait()
        while not self._silent:
            await self._moved.wait()

    async def stop(self) -> None:
        """Ask it to end, and insist when it does not; show the last words of one that failed."""
        process = self._running
        if process.poll() is not None:
            if process.returncode and not self._killed:
                sys.stderr.write("\n".join((*self._command, *self.lines, "")))
            return
        process.terminate()
        with trio.move_on_after(STOP_LIMIT, shield=True):
            await process.wait()
            return
        process.kill()
        with trio.CancelScope(shield=True):  # a killed process ends
            await process.wait()


@asynccontextmanager
async def open_service(
    command: Sequence[str], nursery: trio.Nursery, environment: Mapping[str, str] | None = None
) -> AsyncIterator[Service]:
    """Run a program while the block runs; it does not outlive the block."""
    service = Service(command, environment, nursery)
    await service.start()
    try:
        yield service
    finally:
        await service.stop()
