"""Records of a recording, part by part; bounded memory, for a thread or a process of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from gateway.sessions.recording.writer import SUFFIX
from protocols.errors import RemoteProtocolError
from protocols.recording.codec import Cut, Reader
from protocols.recording.records import Record

#: Bytes read at once.
PIECE = 1 << 18


@dataclass(slots=True)
class Recording:
    """The files of one recording.

    Attributes:
        folder: where its parts are.
        cut: why its last part does not end with a whole record; known once it was read.
    """

    folder: Path
    cut: Cut | None = field(default=None, init=False)

    @property
    def parts(self) -> list[Path]:
        """Its files, in order."""
        return sorted(self.folder.glob(f"*{SUFFIX}"))

    def records(self) -> Iterator[Record]:
        """Yield every whole record; a part that is cut does not keep from reading the next."""
        self.cut = None
        for part in self.parts:
            yield from self._records_of(part)

    def _records_of(self, part: Path) -> Iterator[Record]:
        reader = Reader()
        try:
            with part.open("rb") as file:
                while data := file.read(PIECE):
                    yield from reader.feed(data)
        except RemoteProtocolError as error:
            self.cut = Cut(0, str(error))
            return
        self.cut = reader.finish() or self.cut
