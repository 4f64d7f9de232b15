"""The simulated vehicles: one process of the simulator, dialling in like any device would."""

from __future__ import annotations

import os
import shlex
import sys
from functools import partial
from pathlib import Path
from subprocess import PIPE
from typing import IO

import msgspec
import trio

from gateway.demo.http import StoryError
from gateway.demo.world import DemoConnector

#: Lines of the simulator's last words that an error message quotes.
_LAST_WORDS = 5


class Vehicles:
    """Owns the simulator's process; made by :meth:`run`'s nursery, dead when it is cancelled."""

    def __init__(self, link_url: str, connectors: tuple[DemoConnector, ...], folder: Path) -> None:
        self._link_url = link_url
        self._connectors = connectors
        self._folder = folder

    async def run(self) -> None:
        """Run the simulator until cancelled.

        Raises:
            StoryError: it ended by itself, with its last words.
        """
        roster = trio.Path(self._folder) / "vehicles.json"
        await trio.to_thread.run_sync(self._write_roster, Path(roster))
        log = trio.Path(self._folder) / "vehicles.log"
        # `-m` rather than the console script: the demo then needs no PATH.
        command = [sys.executable, "-m", "firmware_sim", "run", "--roster", str(roster)]
        async with await log.open("wb") as sink:
            status = await self._wait([*command, "--until-eof"], sink.wrapped)
        words = (await log.read_text(errors="replace")).strip().splitlines()[-_LAST_WORDS:]
        raise StoryError(
            f"the vehicle simulator ended with status {status}"
            + (f": {' / '.join(words)}" if words else f" ({shlex.join(command[1:4])})")
        )

    async def _wait(self, command: list[str], log: IO[bytes]) -> int | None:
        """Return the status the process ends with; cancelling ends the process."""
        # Its standard input is ours to keep open: should we be killed, it ends as well.
        run = partial(trio.run_process, stdin=PIPE, stdout=log, stderr=log, check=False)
        async with trio.open_nursery() as nursery:
            process: trio.Process = await nursery.start(partial(run, command))
            await process.wait()
        return process.returncode

    def _write_roster(self, path: Path) -> None:
        """Write the roster for the owner alone: it holds private keys."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(self._roster())

    def _roster(self) -> bytes:
        """Return who dials in from where, as the simulator's ``--roster`` takes it."""
        return msgspec.json.encode(
            [
                {
                    "gateway": self._link_url,
                    "uuid": connector.uuid,
                    "key": connector.private_key,
                    "vehicle": connector.vehicle,
                    "seed": connector.seed,
                }
                for connector in self._connectors
            ]
        )
