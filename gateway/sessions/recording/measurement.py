"""An ASAM MDF 4 bus log (MF4), written in blocks with bounded memory.

python-can's own writer begins every file at the present moment and adds one frame at a time, at a
quarter of a millisecond each; this one begins where the recording does and adds thousands. Group
and channel names are those of ASAM's bus logging, so that asammdf, python-can and measurement
tools find the frames.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gateway.sessions.recording.messages import kind
from protocols.can.frame import FD_LENGTHS, CanFrame
from protocols.recording.story import CanEvent, Remark

#: Frames of one block.
BLOCK = 8_192

_GROUPS = ("CAN_DataFrame", "CAN_ErrorFrame", "CAN_RemoteFrame")

#: Channels of a frame's group and their types, as numpy spells them.
_CHANNELS = (
    ("BusChannel", "<u1"),
    ("ID", "<u4"),
    ("IDE", "<u1"),
    ("DLC", "<u1"),
    ("DataLength", "<u1"),
    ("Dir", "<u1"),
)
_DATA_CHANNELS = (("DataBytes", "(64,)u1"), ("EDL", "<u1"), ("BRS", "<u1"), ("ESI", "<u1"))

#: Length codes (ISO 11898-1): 0 to 8 are lengths, 9 to 15 stand for 12 to 64 bytes.
_CODES = {length: code for code, length in enumerate((*range(9), *FD_LENGTHS[9:]))}


class Measurement:
    """A file that is being written; close it with :meth:`save`.

    Args:
        began_at: microseconds since 1970; the file's times count from here.
    """

    def __init__(self, began_at: int) -> None:
        # numpy and pandas come with it: a second of import, paid by exports alone.
        import numpy as np  # noqa: PLC0415
        from asammdf import MDF  # noqa: PLC0415

        self._np = np
        self._began = began_at
        self._mdf = MDF(version="4.11")
        self._mdf.header.start_time = datetime.fromtimestamp(began_at / 1e6, UTC)
        self._types = {name: np.dtype(_layout(name)) for name in _GROUPS}
        # Any: rows are as numpy takes them.
        self._rows: dict[str, list[tuple[float, tuple[Any, ...]]]] = {n: [] for n in _GROUPS}
        for name in _GROUPS:
            self._mdf.append(self._signal(name))

    # Any: asammdf and numpy bring no types that could be named here.
    def _signal(self, name: str) -> Any:
        from asammdf import Signal, Source  # noqa: PLC0415
        from asammdf.blocks.v4_constants import BUS_TYPE_CAN, SOURCE_BUS  # noqa: PLC0415

        return Signal(
            name=name,
            samples=self._np.array([], dtype=self._types[name]),
            timestamps=self._np.array([], dtype="<f8"),
            source=Source("gateway", "gateway", "", SOURCE_BUS, BUS_TYPE_CAN),
        )

    def add(self, event: CanEvent) -> None:
        """Add a frame."""
        name = kind(event.frame)
        rows = self._rows[name]
        rows.append(((event.at - self._began) / 1e6, _row(event, with_data=name != _GROUPS[2])))
        if len(rows) >= BLOCK:
            self._flush(name)

    def remark(self, event: Remark) -> None:
        """Add a remark, as a marker on the time line."""
        from asammdf.blocks import v4_constants as v4c  # noqa: PLC0415
        from asammdf.blocks.v4_blocks import EventBlock  # noqa: PLC0415

        block = EventBlock(
            event_type=v4c.EVENT_TYPE_MARKER,
            sync_type=v4c.EVENT_SYNC_TYPE_S,
            range_type=v4c.EVENT_RANGE_TYPE_POINT,
            cause=v4c.EVENT_CAUSE_OTHER,
            flags=0,
            sync_base=event.at - self._began,
            sync_factor=1e-6,
        )
        block.name = event.text
        self._mdf.events.append(block)

    def _flush(self, name: str) -> None:
        rows = self._rows[name]
        if rows:
            times = self._np.array([time for time, _ in rows], dtype="<f8")
            samples = self._np.array([row for _, row in rows], dtype=self._types[name])
            self._mdf.extend(_GROUPS.index(name), [(times, None), (samples, None)])
            rows.clear()

    def save(self, path: Path) -> None:
        """Write the file."""
        for name in _GROUPS:
            self._flush(name)
        self._mdf.save(path, overwrite=True, compression=2)
        self._mdf.close()


def _layout(name: str) -> list[tuple[str, str]]:
    channels = _CHANNELS if name == _GROUPS[2] else (*_CHANNELS, *_DATA_CHANNELS)
    return [(f"{name}.{channel}", kind) for channel, kind in channels]


# Any: a row of numpy's.
def _row(event: CanEvent, *, with_data: bool) -> tuple[Any, ...]:
    frame: CanFrame = event.frame
    length = len(frame.data)
    head = (
        event.bus & 0xFF,
        frame.id,
        frame.extended,
        _CODES[length],
        length,
        int(event.sent),
    )
    if not with_data:
        return head
    return (*head, list(frame.data.ljust(64, b"\0")), frame.fd, frame.brs, 0)
