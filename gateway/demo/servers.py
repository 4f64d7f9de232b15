"""PostgreSQL and Valkey for a demonstration: private ones, of the programs that are installed.

They keep everything in a folder of their own, answer on a socket or on loopback alone, wait for no
disk, and end with the demonstration.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path

import trio

from gateway.demo.http import StoryError

#: Where Debian keeps versions of PostgreSQL side by side.
_DEBIAN = Path("/usr/lib/postgresql")

#: PostgreSQL refuses to run as root; Debian's package brings this account.
_ACCOUNT = "postgres"

#: What makes a server quick and worthless after a crash: right here, and nowhere else.
_HASTY = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c listen_addresses=''"

#: Seconds a server may take to start or to stop.
_WITHIN = 60.0


@asynccontextmanager
async def open_postgres(folder: Path, given: str | None) -> AsyncIterator[str]:
    """Provide a database for the block; return its SQLAlchemy address.

    Args:
        folder: for a private server.
        given: address of an empty database that is there; then no server is started.

    Raises:
        StoryError: no PostgreSQL is installed, or it does not start.
    """
    if given is not None:
        yield given
        return
    where = _postgres_binaries()
    await trio.Path(folder).mkdir(mode=0o700, parents=True)
    account = _account(folder)
    data = folder / "data"
    run = partial(_run, folder, account)
    made = ["-U", _ACCOUNT, "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]
    await run([where / "initdb", "-D", data, *made])
    control: list[str | Path] = [where / "pg_ctl", "-D", data, "-w", "-s"]
    await run([*control, "-o", f"-k {folder} {_HASTY}", "start"])
    try:
        yield f"postgresql+psycopg://{_ACCOUNT}@/postgres?host={folder}"
    finally:
        with trio.move_on_after(_WITHIN, shield=True), suppress(StoryError):
            await run([*control, "-m", "immediate", "stop"])


@asynccontextmanager
async def open_valkey(folder: Path, given: str | None) -> AsyncIterator[str]:
    """Provide a Valkey or Redis server for the block; return its address.

    Raises:
        StoryError: none is installed, or it does not start.
    """
    if given is not None:
        yield given
        return
    program = shutil.which("valkey-server") or shutil.which("redis-server")
    if program is None:
        raise StoryError(
            "neither valkey-server nor redis-server is installed: install one, or name a server "
            "with --valkey"
        )
    await trio.Path(folder).mkdir(mode=0o700, parents=True)
    port = _free_port()
    words = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
    command = [program, *words, "--dir", str(folder)]
    async with trio.open_nursery() as nursery:
        await nursery.start(partial(trio.run_process, command, check=False, **quiet))
        await _wait_for_port(port, program)
        yield f"redis://127.0.0.1:{port}/0"
        nursery.cancel_scope.cancel()


def _postgres_binaries() -> Path:
    found = sorted(_DEBIAN.glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    on_path = shutil.which("postgres")
    if on_path is None:
        raise StoryError(
            "PostgreSQL is not installed: install it, or name an empty database with --postgres"
        )
    return Path(on_path).resolve().parent


def _account(folder: Path) -> str | None:
    """Return the account to run PostgreSQL as, which then owns the folder; ``None``: ours."""
    if os.geteuid() != 0:
        return None
    entry = pwd.getpwnam(_ACCOUNT)
    os.chown(folder, entry.pw_uid, entry.pw_gid)
    return _ACCOUNT


async def _run(folder: Path, account: str | None, command: Sequence[str | Path]) -> None:
    log = folder / "server.log"
    with log.open("ab") as sink:
        done = await trio.run_process(
            [str(word) for word in command],
            stdout=sink,
            stderr=sink,
            user=account,
            cwd=folder,
            check=False,
        )
    if done.returncode != 0:
        words = log.read_text(errors="replace").strip().splitlines()[-3:]
        raise StoryError(f"{Path(command[0]).name} failed: {' / '.join(words)}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _wait_for_port(port: int, program: str) -> None:
    with trio.move_on_after(_WITHIN):
        while True:
            with suppress(OSError):
                await (await trio.open_tcp_stream("127.0.0.1", port)).aclose()
                return
            await trio.sleep(0.05)
    raise StoryError(f"{program} does not answer on port {port}")
