"""The simulated vehicles: one process of the simulator, dialling in like any device would."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

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
        await roster.write_bytes(self._roster())
        log = trio.Path(self._folder) / "vehicles.log"
        # `-m` rather than the console script: the demo then needs no PATH.
        command = [sys.executable, "-m", "firmware_sim", "run", "--roster", str(roster)]
        async with await log.open("wb") as sink:
            file = sink.wrapped
            ended = await trio.run_process(command, stdout=file, stderr=file, check=False)
        words = (await log.read_text(errors="replace")).strip().splitlines()[-_LAST_WORDS:]
        raise StoryError(
            f"the vehicle simulator ended with status {ended.returncode}"
            + (f": {' / '.join(words)}" if words else f" ({shlex.join(command[1:4])})")
        )

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
