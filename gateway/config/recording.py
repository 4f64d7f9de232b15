"""Settings of recordings and of what explains them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from gateway.config.kinds import Count, Seconds


@dataclass(frozen=True, slots=True)
class RecordingSettings:
    """Recordings of sessions.

    Attributes:
        enabled: sessions are recorded.
        required: no session opens while recordings cannot be written; otherwise sessions go on
            without, and an event tells.
        directory: folder of the files; ``recordings`` in ``data.directory`` when not set.
        part_bytes: size at which a recording goes on in another file.
        reserve_bytes: free bytes of the disk that recordings leave to everything else; with less,
            they stop.
        keep_days: days after its end that a recording is kept.
        total_bytes: bytes of all recordings together; beyond, the oldest go.
        sync_interval: seconds after which what was written is also on the disk, and survives a
            loss of power.
        exports: exports that may run at once; the next one is turned away.
        export_limit: seconds that an export may take.
    """

    enabled: bool = True
    required: bool = False
    directory: Path | None = None
    part_bytes: Annotated[int, Meta(ge=4096)] = 64 << 20
    reserve_bytes: Annotated[int, Meta(ge=0)] = 256 << 20
    keep_days: Seconds = 90.0
    total_bytes: Count = 20 << 30
    sync_interval: Seconds = 5.0
    exports: Count = 2
    export_limit: Seconds = 300.0

    def problems(self) -> Iterator[str]:
        """Yield what contradicts itself."""
        if self.required and not self.enabled:
            yield "recording.required needs recording.enabled"


@dataclass(frozen=True, slots=True)
class DecodingSettings:
    """Descriptions of vehicles' messages, and the process that reads them.

    Attributes:
        largest: bytes of a PDX or DBC file that operators may upload.
        unpacked: bytes that a PDX file may have once it is unpacked.
        most: descriptions that one provider may have.
        parse_limit: seconds that a description may take to be read.
        decode_limit: seconds that an answer waits for its names and units.
        memory: bytes that the process may use.
        kept: descriptions that it keeps in memory.
    """

    largest: Count = 32 << 20
    unpacked: Count = 256 << 20
    most: Count = 200
    parse_limit: Seconds = 60.0
    decode_limit: Seconds = 1.0
    memory: Annotated[int, Meta(ge=1 << 28)] = 2 << 30
    kept: Count = 8
