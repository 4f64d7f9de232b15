"""Exports of recordings: a process for each, a few at a time, each within its time."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

import msgspec
import trio

from gateway.domain.errors import Conflict, Throttled, Unavailable
from gateway.runtime.logs import Log

#: Formats by name: media type and suffix of the file.
MEDIA = {
    "candump": ("text/plain; charset=utf-8", "log"),
    "asc": ("text/plain; charset=utf-8", "asc"),
    "blf": ("application/octet-stream", "blf"),
    "mf4": ("application/octet-stream", "mf4"),
    "pcapng": ("application/x-pcapng", "pcapng"),
    "recording": ("application/octet-stream", "dgrec"),
}

#: Bytes sent at once.
PIECE = 1 << 17

#: The process that exports, as ``python -m`` knows it.
_PROCESS = "gateway.sessions.recording.export"

#: Letters of its complaint that are logged.
_LAST_WORDS = 500

#: Variables that it gets: settings of the gateway hold secrets and are none of its business.
_ENVIRONMENT = ("PATH", "HOME", "LANG", "PYTHONPATH", "TMPDIR")


class Told(msgspec.Struct, frozen=True):
    """What the process says of its file."""

    frames: int = 0
    cut: str = ""


@dataclass(slots=True)
class Export:
    """A file that is ready; it has no name any more and goes when this does.

    Attributes:
        size: bytes.
        frames: CAN frames in it, made up ones included.
        cut: why the recording does not end as it should; empty where it does.
    """

    size: int
    frames: int
    cut: str
    _file: IO[bytes]

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield its bytes, once."""
        try:
            while piece := await trio.to_thread.run_sync(self._file.read, PIECE):
                yield piece
        finally:
            self._file.close()


class Exporter:
    """Makes exports.

    Args:
        folder: where they are written.
        at_once: how many; the next one is turned away.
        limit: seconds that one may take.
        log: takes what goes wrong.
    """

    def __init__(self, folder: Path, at_once: int, limit: float, log: Log) -> None:
        self._folder = folder
        self._places = trio.CapacityLimiter(at_once)
        self._limit = limit
        self._log = log

    async def export(self, recording: Path, wanted: str) -> Export:
        """Return a recording in another format.

        Args:
            recording: folder of its parts.
            wanted: one of :data:`MEDIA`.

        Raises:
            Throttled: too many run already.
            Unavailable: it took too long.
            Conflict: it cannot be done; the log says why.
        """
        owner = object()
        try:
            self._places.acquire_on_behalf_of_nowait(owner)
        except trio.WouldBlock:
            raise Throttled(
                "recording.exports", "Too many exports run now. Try again soon.", retry_after=5
            ) from None
        try:
            return await self._export(recording, wanted)
        finally:
            self._places.release_on_behalf_of(owner)

    async def _export(self, recording: Path, wanted: str) -> Export:
        path = await trio.to_thread.run_sync(partial(_draft, self._folder, MEDIA[wanted][1]))
        try:
            told = await self._run(recording, wanted, path)
            file = await trio.to_thread.run_sync(path.open, "rb")
            return Export(os.fstat(file.fileno()).st_size, told.frames, told.cut, file)
        finally:
            path.unlink(missing_ok=True)

    async def _run(self, recording: Path, wanted: str, path: Path) -> Told:
        command = [sys.executable, "-m", _PROCESS, str(recording), wanted, str(path)]
        # ASC has times of day without a zone.
        environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        with trio.move_on_after(self._limit) as waiting:
            done = await trio.run_process(
                command,
                capture_stdout=True,
                capture_stderr=True,
                check=False,
                env={**environment, "TZ": "UTC", "PYTHONUTF8": "1"},
                stdin=b"",
            )
            return self._conclude(done, wanted)
        assert waiting.cancelled_caught  # noqa: S101 - the only way here
        raise Unavailable(
            "recording.export_too_long",
            f"The export took more than {self._limit:g} s and was given up. Fetch the recording "
            "itself with format=recording.",
        )

    def _conclude(self, done: subprocess.CompletedProcess[bytes], wanted: str) -> Told:
        if done.returncode == 0:
            with suppress(msgspec.DecodeError):
                return msgspec.json.decode(done.stdout, type=Told)
        words = done.stderr.decode(errors="replace")[-_LAST_WORDS:]
        self._log.error("recording_export_failed", format=wanted, reason=words)
        raise Conflict(
            "recording.export_failed",
            f"This recording cannot be exported as {wanted}. Fetch it with format=recording.",
        )


def _draft(folder: Path, suffix: str) -> Path:
    # Some writers go by the suffix, or add it.
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=folder, prefix="export-", suffix=f".{suffix}")
    os.close(descriptor)
    return Path(name)
