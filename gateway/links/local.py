"""Connectors of the gateway's own machine: one process each, dialling in like any other.

A driver that hangs or crashes takes nothing along, and nothing above this room knows that a
connector is local. The process is the connector's firmware (``firmware-sim run``); it is started,
never imported. Its key pair is made here when the gateway starts and held in memory alone: the
private half goes to the process through a pipe, the public half counts for as long as the gateway
runs, beside the key that the connector may have on record.

A process that ends is started again with growing pauses, by whoever supervises :meth:`run`; one
that loses its parent ends by itself, because its standard input ends.
"""

from __future__ import annotations

import base64
import os
import sys
from collections import deque
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from itertools import chain
from pathlib import Path
from subprocess import PIPE, STDOUT
from uuid import UUID

import msgspec
import trio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.config import LocalConnector, LocalSettings
from gateway.runtime.logs import Log

#: Lines of a process's last words that an error message quotes.
LAST_WORDS = 3

#: Longest line of a process that is logged, bytes; a longer one is cut into several.
LONGEST_LINE = 1000

#: Variables of the gateway's own configuration: they hold secrets and are none of a driver's
#: business.
_OWN_VARIABLES = "GATEWAY_"


class LocalConnectorEnded(Exception):
    """A local connector's process ended by itself; the text has its last words."""


class LocalConnectors:
    """The local connectors of one gateway and their keys.

    Args:
        settings: which there are.
        log: what their processes say.
        folder: where each keeps its transfer jobs; left out, those end with its process.
    """

    def __init__(self, settings: LocalSettings, log: Log, folder: Path | None = None) -> None:
        self._log = log
        self._folder = folder
        self._keys = {it.uuid: Ed25519PrivateKey.generate() for it in settings.connector}
        self._settings = settings

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._keys)

    def public_keys(self, uuid: UUID) -> tuple[bytes, ...]:
        """Return what the connector ``uuid`` may prove itself with besides the key on record."""
        key = self._keys.get(uuid)
        return () if key is None else (key.public_key().public_bytes_raw(),)

    def processes(self, link_url: str) -> Iterator[LocalProcess]:
        """Yield each one's process, to be run; they dial in at ``link_url``."""
        for chosen in self._settings.connector:
            key = self._keys[chosen.uuid].private_bytes_raw()
            data = None if self._folder is None else self._folder.absolute() / str(chosen.uuid)
            yield LocalProcess(chosen, _roster(chosen, key, link_url, data), self._log)


class LocalProcess:
    """One local connector's process; made by :class:`LocalConnectors`.

    Attributes:
        name: the connector's.
    """

    def __init__(self, chosen: LocalConnector, roster: bytes, log: Log) -> None:
        self.name = chosen.name
        self._roster = roster
        self._log = log.bind(local_connector=chosen.name)
        self._last_words: deque[str] = deque(maxlen=LAST_WORDS)

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Run the process until cancelled.

        Ready at once: whether a driver opens says nothing about the gateway.

        Raises:
            LocalConnectorEnded: it ended by itself.
            OSError: it cannot be started.
        """
        task_status.started()
        self._last_words.clear()
        status = await self._run_once()
        words = " / ".join(self._last_words) or "no word"
        raise LocalConnectorEnded(f"{self.name} ended with status {status}: {words}")

    async def _run_once(self) -> int | None:
        with _readable(self._roster) as descriptor:
            roster = f"/dev/fd/{descriptor}"
            command = [sys.executable, "-m", "firmware_sim", "run", "--roster", roster]
            start = partial(
                trio.run_process,
                # `-m` rather than the console script: no PATH is needed.
                [*command, "--until-eof"],
                stdin=PIPE,
                stdout=PIPE,
                stderr=STDOUT,
                check=False,
                pass_fds=(descriptor,),
                env=_environment(os.environ),
            )
            async with trio.open_nursery() as nursery:
                process: trio.Process = await nursery.start(start)
                if process.stdout is None:
                    raise AssertionError("its output was asked for")
                async for line in _lines(process.stdout):
                    self._last_words.append(line)
                    self._log.info("local connector says", line=line)
                await process.wait()
        return process.returncode


def _roster(chosen: LocalConnector, private_key: bytes, link_url: str, data: Path | None) -> bytes:
    """Return the one entry of the process's ``--roster``."""
    doip = chosen.doip
    entry = {
        "gateway": link_url,
        "uuid": chosen.uuid,
        "key": base64.b64encode(private_key).decode("ascii"),
        "bus": chosen.bus if doip is None else None,
        "doip": doip,
        "ecus": chosen.ecus,
        "fd": chosen.fd,
        "bitrate": chosen.bitrate,
        "data_bitrate": chosen.data_bitrate,
        "frames_only": chosen.frames_only,
        "data": None if data is None else str(data),
    }
    return msgspec.json.encode([entry])


@contextmanager
def _readable(content: bytes) -> Iterator[int]:
    """Yield a descriptor from which ``content`` can be read once; it never touches a disk."""
    # Far below what a pipe holds (POSIX: 4096 bytes at least), so writing cannot block.
    reader, writer = os.pipe()
    try:
        with open(writer, "wb", closefd=True) as pipe:  # noqa: PTH123 - a descriptor, no path
            pipe.write(content)
        yield reader
    finally:
        os.close(reader)


def _environment(variables: Mapping[str, str]) -> dict[str, str]:
    return {k: v for k, v in variables.items() if not k.startswith(_OWN_VARIABLES)}


async def _lines(stream: trio.abc.ReceiveStream) -> AsyncIterator[str]:
    """Yield what a process writes, line by line, in pieces of bounded length."""
    rest = b""
    async for chunk in stream:
        *lines, rest = (rest + chunk).split(b"\n")
        *full, rest = _pieces(rest)
        for piece in [*chain.from_iterable(map(_pieces, lines)), *full]:
            yield piece.decode("utf-8", "replace").rstrip()
    if rest:
        yield rest.decode("utf-8", "replace").rstrip()


def _pieces(line: bytes) -> list[bytes]:
    starts = range(0, max(len(line), 1), LONGEST_LINE)
    return [line[start : start + LONGEST_LINE] for start in starts]
