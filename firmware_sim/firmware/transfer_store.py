"""What a device keeps of its transfer jobs, so that a loss of power loses none.

    jobs/ID/order      the order, as it came
    jobs/ID/journal    how far it has come; replaced as a whole, never half
    jobs/ID/result     what an upload has read
    images/HASH        images, shared by the jobs that need them

Everything here blocks on the disk for a moment: call it in a thread, but for images and results,
which read and write blocks through the system's cache.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from firmware_sim.firmware.transfer_image import Image
from protocols.diagnosis.transfer_records import Journal
from protocols.link.jobs import JobStart, TransferOrder

#: Names of jobs: they become names of folders.
_JOB = re.compile(r"[A-Za-z0-9_-]{1,64}")

#: Bytes of images that no job needs any more and that may stay, for the next vehicle.
SPARE_IMAGES = 256 << 20


@dataclass(frozen=True, slots=True)
class KeptJob:
    """A job as it was left.

    Attributes:
        start: its order.
        journal: how far it had come.
    """

    start: JobStart
    journal: Journal


class TransferStore:
    """Owns one folder.

    Args:
        folder: where; left out, a temporary one that goes with :meth:`close`, so that jobs do not
            outlive the program.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._given = folder
        self._folder = folder
        self._starts = msgspec.msgpack.Decoder(JobStart)
        self._journals = msgspec.msgpack.Decoder(Journal)

    @property
    def lasts(self) -> bool:
        """Whether an earlier program may have left jobs here."""
        return self._given is not None

    def close(self) -> None:
        """Remove a temporary folder."""
        if self._given is None and self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    # --- jobs ------------------------------------------------------------------------------------

    @staticmethod
    def can_keep(job: str) -> bool:
        """Tell whether this is a name for a job."""
        return _JOB.fullmatch(job) is not None

    def kept(self) -> Iterator[KeptJob]:
        """Yield the jobs that were left; a broken one is removed, as nobody can go on with it."""
        if self._folder is None or not (self._folder / "jobs").is_dir():
            return
        for folder in sorted((self._folder / "jobs").iterdir()):
            try:
                start = self._starts.decode((folder / "order").read_bytes())
                journal = self._journals.decode((folder / "journal").read_bytes())
            except (OSError, msgspec.DecodeError):
                shutil.rmtree(folder, ignore_errors=True)
            else:
                yield KeptJob(start, journal)

    def keep(self, start: JobStart, journal: Journal) -> None:
        """Put a new job on the disk; it counts once its journal is there."""
        folder = self._job(start.job)
        folder.mkdir(parents=True, exist_ok=True)
        _replace(folder / "order", msgspec.msgpack.encode(start))
        self.note(start.job, journal)

    def note(self, job: str, journal: Journal) -> None:
        """Replace the journal of a job."""
        _replace(self._job(job) / "journal", msgspec.msgpack.encode(journal))

    def forget(self, job: str) -> None:
        """Remove all of a job."""
        shutil.rmtree(self._job(job), ignore_errors=True)

    # --- images and results ----------------------------------------------------------------------

    def image(self, order: TransferOrder) -> Image:
        """Open the image of an order, with what is there of it."""
        path = self._root() / "images" / order.image.hex()
        self._make_room(path)
        return Image(path, order.image, order.size, order.pieces)

    def _make_room(self, wanted: Path) -> None:
        """Remove images that nobody has used for longest, beyond what may stay."""
        if not wanted.parent.is_dir():
            return
        found = [(path.stat(), path) for path in wanted.parent.iterdir() if path != wanted]
        found.sort(key=lambda item: item[0].st_mtime, reverse=True)
        total = 0
        for stat, path in found:
            total += stat.st_size
            if total > SPARE_IMAGES:
                path.unlink(missing_ok=True)  # who has it open reads on

    def result(self, job: str) -> Path:
        """Return where the result of an upload is."""
        return self._job(job) / "result"

    def _job(self, job: str) -> Path:
        if not self.can_keep(job):
            raise ValueError(f"{job!r} is no name of a job")
        return self._root() / "jobs" / job

    def _root(self) -> Path:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="connector-"))
        self._folder.mkdir(parents=True, exist_ok=True)
        return self._folder


class Result:
    """What an upload reads, in a file that outlives a loss of power."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("r+b" if path.exists() else "w+b")

    def write(self, offset: int, data: bytes) -> None:
        """Put data where it belongs."""
        os.pwrite(self._file.fileno(), data, offset)

    def read(self, offset: int, length: int) -> bytes:
        """Return what is there."""
        return os.pread(self._file.fileno(), length, offset)

    def finish(self) -> tuple[bytes, int]:
        """Make sure that it is on the disk; return its SHA-256 and its bytes."""
        os.fsync(self._file.fileno())
        self._file.seek(0)
        digest = hashlib.file_digest(self._file, "sha256").digest()
        return digest, os.fstat(self._file.fileno()).st_size

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _replace(path: Path, data: bytes) -> None:
    """Write a file so that a loss of power leaves the old one or the new one."""
    beside = path.with_suffix(".new")
    with beside.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
