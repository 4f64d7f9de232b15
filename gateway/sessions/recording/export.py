"""A recording in the format of another tool: run with ``python -m``, as a process of its own.

An export of a long session is minutes of computing. Here it keeps nobody waiting, and what it
takes ends with it. The process writes a file, and one line of JSON on standard output.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from gateway.sessions.recording.measurement import Measurement
from gateway.sessions.recording.messages import message
from gateway.sessions.recording.reading import Recording
from protocols.recording.capture import capture
from protocols.recording.codec import MAGIC, encode
from protocols.recording.records import Began, Record
from protocols.recording.story import CanEvent, Event, Remark, story

#: What writes a capture, as its first block says.
APPLICATION = "diagnostic gateway"


@dataclass(slots=True)
class Summary:
    """What an export has put into its file.

    Attributes:
        frames: CAN frames, made up ones included.
        cut: why the recording does not end as it should; all that is whole is in the file.
    """

    frames: int = 0
    cut: str = ""


Records = Iterable[Record]


def told(records: Records, summary: Summary) -> Iterator[Began | Event]:
    """Yield a recording's story, and count its frames."""
    for event in story(records):
        summary.frames += isinstance(event, CanEvent)
        yield event


def to_recording(records: Records, path: Path, _summary: Summary) -> None:
    """Write the recording's own form, all parts in one file."""
    with path.open("wb") as file:
        file.write(MAGIC)
        for record in records:
            file.write(encode(record))


def to_pcapng(records: Records, path: Path, summary: Summary) -> None:
    """Write a capture."""
    with path.open("wb") as file:
        for block in capture(told(records, summary), APPLICATION):
            file.write(block)


def to_mf4(records: Records, path: Path, summary: Summary) -> None:
    """Write a bus log of ASAM MDF 4."""
    measurement: Measurement | None = None
    for event in told(records, summary):
        if isinstance(event, Began):
            measurement = Measurement(event.at)
        elif isinstance(event, CanEvent) and measurement is not None:
            measurement.add(event)
        elif isinstance(event, Remark) and measurement is not None:
            measurement.remark(event)
    (measurement or Measurement(0)).save(path)


def to_candump(records: Records, path: Path, summary: Summary) -> None:
    """Write a log as ``candump -L`` does."""
    from can import CanutilsLogWriter  # noqa: PLC0415 - each export needs one of them

    buses: tuple[str, ...] = ()
    with CanutilsLogWriter(path) as write:
        for event in told(records, summary):
            if isinstance(event, Began):
                buses = event.buses
            elif isinstance(event, CanEvent):
                write(message(event, _name(buses, event.bus)))


def _name(buses: Sequence[str], index: int) -> str:
    """Return a bus's name as a log of lines can have it: one word."""
    name = buses[index] if index < len(buses) else ""
    return "".join(name.split()) or f"can{index}"


def to_asc(records: Records, path: Path, summary: Summary) -> None:
    """Write Vector's text log."""
    from can import ASCWriter  # noqa: PLC0415

    with ASCWriter(path) as write:
        for event in told(records, summary):
            if isinstance(event, Began):
                write.log_event(f"// {event.operator} on {event.connector}", event.at / 1e6)
            elif isinstance(event, Remark):
                write.log_event(f"// {event.text}", event.at / 1e6)
            elif isinstance(event, CanEvent):
                write(message(event, event.bus))


def to_blf(records: Records, path: Path, summary: Summary) -> None:
    """Write Vector's binary log."""
    from can import BLFWriter  # noqa: PLC0415

    with BLFWriter(path) as write:
        for event in told(records, summary):
            if isinstance(event, CanEvent):
                write(message(event, event.bus))
            elif isinstance(event, Remark):
                # Where there is no Windows, the writer takes ASCII alone.
                write.log_event(ascii(event.text)[1:-1], event.at / 1e6)


FORMATS: dict[str, Callable[[Records, Path, Summary], None]] = {
    "candump": to_candump,
    "asc": to_asc,
    "blf": to_blf,
    "mf4": to_mf4,
    "pcapng": to_pcapng,
    "recording": to_recording,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Export one recording and return the exit status."""
    parser = argparse.ArgumentParser(prog="export", description="A recording in another format.")
    parser.add_argument("folder", type=Path, help="where its parts are")
    parser.add_argument("format", choices=FORMATS)
    parser.add_argument("output", type=Path)
    parsed = parser.parse_args(arguments)
    recording, summary = Recording(parsed.folder), Summary()
    FORMATS[parsed.format](recording.records(), parsed.output, summary)
    if recording.cut is not None:
        summary.cut = recording.cut.reason
    sys.stdout.write(msgspec.json.encode(summary).decode() + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
