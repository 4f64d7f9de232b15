"""One node as a process of its own: ``gateway serve``, as it would run on a machine of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from subprocess import PIPE

import msgspec
import trio

from gateway.demo.http import StoryError

#: Seconds until a node is ready, on a machine that is busy with everything else.
READY_WITHIN = 60.0

#: Lines of a node's last words that an error message quotes.
_LAST_WORDS = 3

_OWN_VARIABLES = "GATEWAY_"


class _Ready(msgspec.Struct):
    """The line of its log in which a node says where it is."""

    event: str = ""
    http: str = ""
    link: str = ""


class NodeProcess:
    """Owns the process; alive while :meth:`run` runs.

    Args:
        name: of the node.
        folder: for its files.
        settings: ``SECTION_FIELD`` -> value, as in the environment.
    """

    def __init__(self, name: str, folder: Path, settings: Mapping[str, str]) -> None:
        self.name = name
        self.http = ""
        self.link = ""
        self._folder = folder
        self._settings = settings
        self._process: trio.Process | None = None
        self._killed = False

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Run the node until cancelled; started when it is ready.

        Raises:
            StoryError: it ended by itself, with its last words.
        """
        command = [sys.executable, "-m", "gateway", "serve"]
        start = partial(
            trio.run_process,
            command,
            stdin=PIPE,
            stderr=PIPE,
            env=self._environment(),
            check=False,
        )
        log = trio.Path(self._folder) / f"{self.name}.log"
        async with await log.open("wb") as sink, trio.open_nursery() as nursery:
            process: trio.Process = await nursery.start(start)
            self._process = process
            if process.stderr is None:
                raise AssertionError("a pipe was asked for")
            rest = b""
            async for data in process.stderr:
                await sink.write(data)
                *lines, rest = (rest + data).split(b"\n")
                if not self.http and self._find_ready(lines):
                    task_status.started()
            await process.wait()
        if not self._killed:
            words = (await log.read_text(errors="replace")).strip().splitlines()[-_LAST_WORDS:]
            raise StoryError(f"node {self.name} ended: {' / '.join(words)}")

    def kill(self) -> None:
        """End it at once, as a loss of power would."""
        self._killed = True
        if self._process is not None:
            self._process.kill()

    def _find_ready(self, lines: list[bytes]) -> bool:
        for line in lines:
            try:
                said = msgspec.json.decode(line, type=_Ready)
            except msgspec.DecodeError:
                continue
            if said.event == "ready":
                self.http, self.link = said.http, said.link
                return True
        return False

    def _environment(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(_OWN_VARIABLES)}
        chosen = {"LOG_FORMAT": "json", "LOG_LEVEL": "info", "NODE_NAME": self.name}
        own = {**chosen, **self._settings}
        return kept | {f"{_OWN_VARIABLES}{name}": value for name, value in own.items()}
