"""``gateway flash``: an image into a control unit, by a procedure from a file.

The file is JSON or TOML and has the members of ``procedure`` in docs/jobs.md. In its requests
``{size}``, ``{crc32}`` (eight hexadecimal digits each) and ``{sha256}`` stand for those of the
image; a segment without ``length`` takes the rest of the image.
"""

from __future__ import annotations

import argparse
import hashlib
import shlex
import subprocess
import sys
import tomllib
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import trio
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from gateway.cli.invocation import Invocation, say
from gateway.cli.remote import (
    DONE,
    VEHICLE_REFUSED,
    add_gateway,
    add_unit,
    add_vehicle,
    run,
    say_json,
    unit,
    vehicle,
)
from gateway.client import Client, ClientError
from gateway.client.errors import Misconfigured
from gateway.client.jobs import JobFailed, KeyFor, TransferJob
from gateway.client.records import Job

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001 - no public name

#: Seconds that the program which computes keys may take.
KEY_LIMIT = 30.0

#: Seconds for the vehicle's safe state after an interruption.
ABORT_LIMIT = 15.0

# Any: a procedure is JSON of the operator's own; the gateway judges it.
Procedure = dict[str, Any]


def add_to(commands: Commands) -> None:
    """Add ``flash``."""
    flash = commands.add_parser("flash", help="write an image into a control unit")
    flash.add_argument("image", type=Path, metavar="IMAGE", help="its bytes")
    flash.add_argument("--procedure", type=Path, required=True, help="JSON or TOML: docs/jobs.md")
    flash.add_argument(
        "--key-command",
        metavar="COMMAND",
        help="program that gets seed (hexadecimal) and level as arguments and prints the key",
    )
    add_unit(flash)
    add_vehicle(flash)
    add_gateway(flash)
    flash.set_defaults(command=run_flash)


def run_flash(invocation: Invocation) -> int:
    """Write an image; Ctrl+C aborts to the vehicle's safe state."""
    given = invocation.arguments

    async def work(client: Client) -> int:
        image = _read(given.image)
        procedure = fill_in(read_procedure(given.procedure), image)
        key = None if given.key_command is None else key_by(given.key_command)
        kept = await client.upload_image(image)
        async with vehicle(client, given) as session:
            job = await session.start_transfer(unit(session, given), procedure, image=kept.sha256)
            return await _follow(job, key, as_json=given.json)

    return run(invocation, work)


async def _follow(job: TransferJob, key: KeyFor | None, *, as_json: bool) -> int:
    try:
        if as_json:
            lines = WantedKey(lambda it: say_json(msgspec.to_builtins(_shown(it))), key)
            await job.wait(key=key, progress=lines)
        else:
            with _bar() as bar:
                await job.wait(key=key, progress=WantedKey(Shown(bar), key))
            say(f"done: {job.record.transferred} bytes, {job.record.restarts} restarts")
    except JobFailed as error:
        sys.stderr.write(f"{error}\n")
        return VEHICLE_REFUSED
    except BaseException:  # no key, or Ctrl+C: the vehicle goes to its safe state
        with trio.move_on_after(ABORT_LIMIT, shield=True):
            await _abort(job)
        raise
    return DONE


async def _abort(job: TransferJob) -> None:
    """Abort, and wait until the vehicle is in its safe state and the control unit free."""
    try:
        await job.abort()
        with suppress(JobFailed):
            await job.wait()
    except ClientError as error:
        sys.stderr.write(f"not aborted: {error}\n")


def _shown(job: Job) -> dict[str, object]:
    members = ("id", "state", "step", "segment", "block", "blocks", "transferred", "total")
    more = ("bytes_per_second", "failure", "detail", "safe")
    return {name: getattr(job, name) for name in (*members, *more)}


def _bar() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )


class WantedKey:
    """Passes a job on; says once that it waits for a key where nothing here makes one.

    Args:
        shown: what is called whenever the job has moved.
        key: makes keys, if anything does.
    """

    def __init__(self, shown: Callable[[Job], None], key: KeyFor | None) -> None:
        self._shown = shown
        self._silent = key is not None

    def __call__(self, job: Job) -> None:
        """Show where it is."""
        self._shown(job)
        if job.state == "awaiting_key" and not self._silent:
            self._silent = True
            seed = bytes(job.seed or b"").hex()
            sys.stderr.write(
                f"The control unit wants a key for seed {seed}: give one by "
                f"POST .../jobs/{job.id}/key, or say --key-command next time.\n"
            )


class Shown:
    """A job as a progress bar; called whenever it has moved."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._task = bar.add_task("waiting")

    def __call__(self, job: Job) -> None:
        """Show where it is."""
        what = job.step if job.state == "running" and job.step else job.state.replace("_", " ")
        self._bar.update(
            self._task, description=what, completed=job.transferred, total=job.total or None
        )


# --- what is done ------------------------------------------------------------------------------


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Misconfigured(f"{path}: cannot be read: {error.strerror}") from error


def read_procedure(path: Path) -> Procedure:
    """Return a procedure from a file; raises ``Misconfigured``."""
    data = _read(path)
    try:
        if path.suffix == ".toml":
            return tomllib.loads(data.decode())
        return msgspec.json.decode(data, type=Procedure)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.DecodeError) as error:
        raise Misconfigured(f"{path}: no procedure: {error}") from error


def fill_in(procedure: Procedure, image: bytes) -> Procedure:
    """Return the procedure for one image: its size and sums in requests, and as lengths."""
    values = {
        "{size}": f"{len(image):08X}",
        "{crc32}": f"{zlib.crc32(image):08X}",
        "{sha256}": hashlib.sha256(image).hexdigest(),
    }
    text = msgspec.json.encode(procedure).decode()
    for name, value in values.items():
        text = text.replace(name, value)
    filled = msgspec.json.decode(text, type=Procedure)
    segments = filled.get("segments")
    for segment in segments if isinstance(segments, list) else []:
        if isinstance(segment, dict) and "length" not in segment:
            segment["length"] = len(image) - int(str(segment.get("offset", 0)), 0)
    return filled


def key_by(command: str) -> KeyFor:
    """Return what asks a program for keys; neither seed nor key is shown anywhere."""
    words = shlex.split(command)

    async def key(seed: bytes, level: int) -> bytes:
        try:
            with trio.fail_after(KEY_LIMIT):
                ended = await trio.run_process(
                    [*words, seed.hex(), str(level)], capture_stdout=True
                )
            if found := bytes.fromhex(ended.stdout.decode()):
                return found
            raise ValueError("nothing was printed")
        except (OSError, subprocess.CalledProcessError, ValueError, trio.TooSlowError) as error:
            raise Misconfigured(
                f"{words[0] if words else 'The key command'} gave no key: {type(error).__name__}. "
                "It prints the key in hexadecimal and ends with status 0."
            ) from error

    return key
