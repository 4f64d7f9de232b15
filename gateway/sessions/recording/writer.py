"""Batches to files, in a thread.

    DIRECTORY/SESSION/0000.dgrec     the first part; 0001.dgrec goes on where it became too long

A part is only ever appended to. What a write could not finish is cut off again, so that a part
ends with a whole record unless the machine or the process died within the write; the reader finds
that out (:mod:`protocols.recording.codec`). Written is what the system has: it survives the end of
this process. :meth:`Writer.sync` puts it on the disk, so that it survives a loss of power.
"""

from __future__ import annotations

import os
import shutil
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

import msgspec

from gateway.sessions.recording.items import Done, End, Item
from gateway.sessions.recording.track import Entry, SessionTrack
from protocols.can.batch import peek_batch
from protocols.errors import ProtocolError
from protocols.recording.codec import MAGIC, encode
from protocols.recording.records import Exchange, Frames, Lost, Record

#: How the parts of a recording are called.
SUFFIX = ".dgrec"

#: Files that are open at once.
MOST_OPEN = 256

#: Entries after which the disk is asked anew how much is free.
LOOK_EVERY = 256


def part_path(folder: Path, session: str, part: int) -> Path:
    """Return where a part of a recording is."""
    return folder / session / f"{part:04}{SUFFIX}"


class Writer:
    """Owns the files; every call is for one thread at a time.

    Args:
        folder: of all recordings.
        part_bytes: size at which a recording goes on in another part.
        reserve_bytes: free bytes that stay on the disk.
    """

    def __init__(self, folder: Path, part_bytes: int, reserve_bytes: int) -> None:
        self.folder = folder
        self._part_bytes = part_bytes
        self._reserve = reserve_bytes
        self._unsynced: set[str] = set()
        # Opening a file costs more than writing a record. The last used are at the end.
        self._open: OrderedDict[str, int] = OrderedDict()
        self._looked = 0
        self._full: str | None = None

    def probe(self) -> str | None:
        """Return why nothing can be written at this moment, or ``None``."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._require_space()
            path = self.folder / ".probe"
            path.write_bytes(MAGIC)
            path.unlink()
        except OSError as error:
            return _reason(error)
        return None

    def _require_space(self) -> None:
        if shutil.disk_usage(self.folder).free < self._reserve:
            raise OSError(f"the disk has less than {self._reserve} bytes free")

    def write(self, batch: Sequence[Entry]) -> None:
        """Write what waits; what cannot be written fails its own recording and no other."""
        grouped: dict[SessionTrack, list[Item]] = {}
        for track, item in batch:
            grouped.setdefault(track, []).append(item)
        full = self._is_full(len(batch))
        for track, items in grouped.items():
            if full is not None:
                track.standing.failure = track.standing.failure or full
            self._write_one(track, items)

    def _is_full(self, entries: int) -> str | None:
        """Return why there is no room on the disk, or ``None``; looked up now and then."""
        self._looked -= entries
        if self._looked <= 0 or self._full is not None:
            self._looked, self._full = LOOK_EVERY, self._why_full()
        return self._full

    def _why_full(self) -> str | None:
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._require_space()
        except OSError as error:
            return _reason(error)
        return None

    def _write_one(self, track: SessionTrack, items: Sequence[Item]) -> None:
        end = items[-1] if isinstance(items[-1], End) else None
        if end is not None and not end.keep:
            track.standing.void = True
        elif track.standing.failure is None:
            try:
                self._append(track, [item for item in items if not isinstance(item, End)])
                if end is not None:
                    self._release(track.session.id)
            except (OSError, ProtocolError) as error:
                track.standing.failure = _reason(error)
                self._give_up(track.session.id)
        track.standing.closed = end is not None

    def _append(self, track: SessionTrack, items: Sequence[Done | Record]) -> None:
        data = b"".join([encode(it.record() if isinstance(it, Done) else it) for it in items])
        session, tally = track.session.id, track.tally
        if tally.parts == 0 or (data and tally.part + len(data) > self._part_bytes):
            data = self._begin_part(track) + data
        append(self._file(session, tally.parts - 1), data)
        self._unsynced.add(session)
        tally.bytes += len(data)
        tally.part += len(data)
        for item in items:
            if isinstance(item, Done):
                tally.exchanges += 1
            else:
                _count(track, item)

    def _begin_part(self, track: SessionTrack) -> bytes:
        """Return what a part begins with; the one before is finished."""
        session, tally = track.session.id, track.tally
        if tally.parts == 0:
            part_path(self.folder, session, 0).parent.mkdir(mode=0o700, exist_ok=True)
        else:
            self._release(session)
        data = MAGIC + encode(msgspec.structs.replace(track.began, part=tally.parts))
        tally.parts += 1
        tally.part = 0
        return data

    # --- open files --------------------------------------------------------------------------

    def _file(self, session: str, part: int) -> int:
        """Return a recording's last part, open to append to."""
        file = self._open.get(session)
        if file is None:
            while len(self._open) >= MOST_OPEN:
                self._release(next(iter(self._open)))
            path = part_path(self.folder, session, part)
            file = self._open[session] = os.open(
                path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600
            )
        self._open.move_to_end(session)
        return file

    def sync(self) -> None:
        """Put everything that was written on the disk."""
        while self._unsynced:
            session = self._unsynced.pop()
            if session in self._open:  # a file that was closed has been put there before
                os.fdatasync(self._open[session])

    def _release(self, session: str) -> None:
        """Put what was written on the disk and close the file; a later write opens it again."""
        try:
            if session in self._unsynced:
                os.fdatasync(self._open[session])
        finally:
            self._give_up(session)

    def _give_up(self, session: str) -> None:
        self._unsynced.discard(session)
        file = self._open.pop(session, None)
        if file is not None:
            os.close(file)

    def close(self) -> None:
        """Close every file, with what was written on the disk."""
        for session in list(self._open):
            self._release(session)


def append(file: int, data: bytes) -> None:
    """Append bytes to an open file: all of them, or none.

    Raises:
        OSError: the disk does not take them.
    """
    written = os.write(file, data)
    if written == len(data):
        return
    try:
        while written < len(data):
            written += os.write(file, memoryview(data)[written:])
    except OSError:
        os.ftruncate(file, os.fstat(file).st_size - written)
        raise


def _count(track: SessionTrack, record: Record) -> None:
    match record:
        case Exchange():
            track.tally.exchanges += 1
        case Frames():
            header = peek_batch(record.batch)
            track.tally.frames += header.count
        case Lost():
            track.tally.frames_lost += record.frames
        case _:
            return


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error)
