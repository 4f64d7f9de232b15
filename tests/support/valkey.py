"""A Valkey or Redis server of our own for tests, where ``TEST_VALKEY_URL`` names none."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

#: Seconds a server may take until it answers.
_START_WITHIN = 20.0


def binary() -> str | None:
    """Return the server that is installed."""
    return shutil.which("valkey-server") or shutil.which("redis-server")


@dataclass
class ValkeyServer:
    """One private server on loopback, without a file to its name.

    Attributes:
        port: of its own; the same after a restart.
    """

    program: str
    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it and wait until it answers.

        Raises:
            RuntimeError: it does not.
        """
        words = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly"]
        self.process = subprocess.Popen(
            [self.program, *words, "no", "--dir", str(self.folder)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until = time.monotonic() + _START_WITHIN
        while time.monotonic() < until:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1) as line:
                    line.sendall(b"PING\r\n")
                    if line.recv(16).startswith(b"+PONG"):
                        return
            except OSError:
                time.sleep(0.02)  # noqa: TID251 - no event loop here
        raise RuntimeError(f"{self.program} does not answer on port {self.port}")

    def stop(self) -> None:
        """End it at once, as a loss of power would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


@contextmanager
def private_server(folder: Path) -> Iterator[ValkeyServer]:
    """Run a server of our own for the block.

    Raises:
        RuntimeError: none is installed, or it does not start.
    """
    program = binary()
    if program is None:
        raise RuntimeError("no valkey-server or redis-server is installed; set TEST_VALKEY_URL")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    server = ValkeyServer(program, folder, port)
    try:
        server.start()
        yield server
    finally:
        server.stop()
