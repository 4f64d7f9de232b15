"""``gateway monitor`` and ``gateway record``: what happens on a vehicle's bus, now and then."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import trio

from gateway.cli.invocation import Invocation, say
from gateway.cli.remote import DONE, add_gateway, add_vehicle, run, say_json, vehicle
from gateway.client import Client
from gateway.client.errors import Misconfigured
from gateway.client.streams import Frames, FrameStream
from protocols.can.filters import CanFilter
from protocols.can.frame import MAX_STANDARD_ID, CanFrame
from protocols.errors import LocalProtocolError

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - no public name

FORMATS = ("candump", "asc", "blf", "mf4", "pcapng")


def add_to(commands: Commands) -> None:
    """Add ``monitor`` and ``record``."""
    monitor = commands.add_parser("monitor", help="show the frames of a bus")
    monitor.add_argument("--bus", default="", help="the first CAN bus, if left out")
    monitor.add_argument(
        "--filter", action="append", type=parse_filter, default=[], metavar="ID[:MASK]"
    )
    monitor.add_argument("--log", action="store_true", help="lines as in candump's log files")
    monitor.add_argument("--count", type=int, default=0, metavar="N", help="end after N frames")
    monitor.add_argument("--seconds", type=float, metavar="S", help="end after S seconds")
    add_vehicle(monitor)
    add_gateway(monitor)
    monitor.set_defaults(command=run_monitor)
    record = commands.add_parser("record", help="recordings of sessions")
    export = record.add_subparsers(required=True, metavar="ACTION").add_parser("export")
    export.add_argument("--session", required=True, metavar="ID", help="may be over")
    export.add_argument("--format", choices=FORMATS, default="pcapng")
    export.add_argument("--output", type=Path, required=True, metavar="FILE")
    add_gateway(export)
    export.set_defaults(command=run_export)


def parse_filter(text: str) -> CanFilter:
    """Return a filter from ``7E8``, ``700:7F0`` or, with more than three digits, 29 bits."""
    wanted, _, mask = text.partition(":")
    try:
        number = int(wanted, 16)
        extended = len(wanted) > 3 or number > MAX_STANDARD_ID
        return CanFilter(number, int(mask or "1FFFFFFF", 16), extended)
    except (ValueError, LocalProtocolError):
        raise argparse.ArgumentTypeError(
            f"{text!r} is no identifier with a mask, such as 7E8 or 700:7F0"
        ) from None


# --- monitor -----------------------------------------------------------------------------------


def run_monitor(invocation: Invocation) -> int:
    """Show frames until there are enough of them, or until Ctrl+C."""
    given = invocation.arguments

    async def work(client: Client) -> int:
        seconds = float("inf") if given.seconds is None else given.seconds
        async with (
            vehicle(client, given) as session,
            session.frames(given.bus, given.filter) as stream,
        ):
            with trio.move_on_after(seconds):
                await _show(stream, given)
        return DONE

    return run(invocation, work)


async def _show(stream: FrameStream, given: argparse.Namespace) -> None:
    shown = 0
    async for frames in stream:
        if frames.dropped:
            sys.stderr.write(f"{frames.dropped} frames were lost\n")
        for frame in frames.frames:
            if given.json:
                say_json(as_json(frames, frame, stream.bus))
            else:
                say((log_line if given.log else line)(frames, frame, stream.bus))
            shown += 1
            if shown == given.count:
                return
        sys.stdout.flush()


def line(frames: Frames, frame: CanFrame, bus: str) -> str:
    """Return a frame as candump shows it on a terminal, with the connector's time."""
    data = "remote request" if frame.remote else frame.data.hex(" ").upper()
    kind = "  ERRORFRAME" if frame.error else ""
    size = f"[{len(frame.data):02d}]" if frame.fd else f"[{len(frame.data)}]"
    number = _identifier(frame)
    return f" ({frames.seconds(frame):.6f})  {bus}  {number:>8}   {size}  {data}{kind}"


def log_line(frames: Frames, frame: CanFrame, bus: str) -> str:
    """Return a frame as candump logs it: what canplayer and others read."""
    if frame.remote:
        tail = "#R"
    else:
        # Behind two signs stands a digit of flags: 1 is the bit rate switch.
        tail = f"##{int(frame.brs)}" if frame.fd else "#"
        tail += frame.data.hex().upper()
    return f"({frames.seconds(frame):.6f}) {bus} {_identifier(frame)}{tail}"


def _identifier(frame: CanFrame) -> str:
    if frame.error:
        return f"{frame.id | 0x20000000:08X}"  # as SocketCAN marks them
    return f"{frame.id:08X}" if frame.extended else f"{frame.id:03X}"


def as_json(frames: Frames, frame: CanFrame, bus: str) -> dict[str, object]:
    """Return a frame as one object; ``timestamp`` is seconds since 1970, UTC."""
    return {
        "timestamp": frames.seconds(frame),
        "bus": bus,
        "id": frame.id,
        "extended": frame.extended,
        "fd": frame.fd,
        "brs": frame.brs,
        "remote": frame.remote,
        "error": frame.error,
        "data": frame.data.hex().upper(),
    }


# --- recordings --------------------------------------------------------------------------------


def run_export(invocation: Invocation) -> int:
    """Write a session's recording into a file; a failed export leaves none."""
    given = invocation.arguments

    async def work(client: Client) -> int:
        size = await _save(client, given.session, given.format, given.output)
        if given.json:
            say_json({"session": given.session, "file": str(given.output), "bytes": size})
        else:
            say(f"{given.output}: {size} bytes")
        return DONE

    return run(invocation, work)


async def _save(client: Client, session: str, kind: str, path: Path) -> int:
    part = trio.Path(path.with_name(path.name + ".part"))
    size = 0
    try:
        async with (
            client.recording(session, kind) as pieces,
            await part.open("wb") as file,
        ):
            async for piece in pieces:
                size += await file.write(piece)
        await part.replace(path)
    except OSError as error:
        raise Misconfigured(f"{path}: cannot be written: {error.strerror}") from error
    finally:
        with trio.move_on_after(2, shield=True):
            await part.unlink(missing_ok=True)
    return size
