"""The processes of a large fleet: starts them, hears how they are, ends them.

Each is this program with ``--share``. What it says, one JSON object a line, comes over its
standard output; it runs until its standard input ends, so that none outlives the one that
started it, however that ended.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

import msgspec
import trio

from firmware_sim.fleet.sharing import ShareReport, merged, together
from firmware_sim.fleet.tally import Progress

#: Seconds between two words of each process about how it is.
WORD_EVERY = 0.25

#: Seconds until a process that was asked to end is ended; ten thousand farewells take a while.
_END_LIMIT = 30.0

_decoder: msgspec.json.Decoder[Progress | ShareReport] = msgspec.json.Decoder(
    Progress | ShareReport
)


class Crew:
    """All processes of one fleet; :meth:`run` is their life.

    Args:
        words: the command line of one of them, without its share.
        shares: how many.
        connectors: in all of them.
    """

    def __init__(self, words: Sequence[str], shares: int, connectors: int) -> None:
        self._words = list(words)
        self._shares = shares
        self._known = [Progress() for _ in range(shares)]
        self._known[0] = Progress(connectors=connectors)
        self._reports: dict[int, ShareReport] = {}

    def progress(self) -> Progress:
        """Return how far everybody has come."""
        return together(self._known)

    async def run(self, stop: trio.Event) -> ShareReport | None:
        """Run until told to stop, or until every process has ended by itself.

        Returns:
            The report of all; ``None`` when one ended without its own, having said why itself.
        """
        async with trio.open_nursery() as nursery:
            for index in range(self._shares):
                nursery.start_soon(self._serve, index, stop)
        if len(self._reports) < self._shares:
            return None
        return merged(list(self._reports.values()))

    async def _serve(self, index: int, stop: trio.Event) -> None:
        share = f"{index}/{self._shares}"
        process = await trio.lowlevel.open_process(
            [sys.executable, "-m", "firmware_sim", *self._words, "--share", share],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # Ctrl+C is for the one that started them: it ends them, and gets their numbers.
            start_new_session=True,
        )
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_end_at, stop, process)
                await self._listen(index, process)
                nursery.cancel_scope.cancel()
        finally:
            with trio.move_on_after(_END_LIMIT, shield=True):
                await _close_input(process)
                await process.wait()
            if process.returncode is None:
                process.kill()
        if index not in self._reports:
            stop.set()

    async def _listen(self, index: int, process: trio.Process) -> None:
        if process.stdout is None:
            raise AssertionError("its output is a pipe")
        rest = b""
        async for data in process.stdout:
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                self._take(index, _decoder.decode(line))

    def _take(self, index: int, word: Progress | ShareReport) -> None:
        if isinstance(word, Progress):
            self._known[index] = word
        else:
            self._reports[index] = word


async def _end_at(stop: trio.Event, process: trio.Process) -> None:
    await stop.wait()
    await _close_input(process)


async def _close_input(process: trio.Process) -> None:
    if process.stdin is not None:
        await process.stdin.aclose()
