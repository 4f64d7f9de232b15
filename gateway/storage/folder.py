"""One gateway for each data folder: a second one would take the first one's sessions for dead."""

from __future__ import annotations

import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from gateway.domain.errors import Conflict

#: Held while a gateway runs. The system lets go of it with the process, however that ends.
LOCK_NAME = "gateway.lock"


@asynccontextmanager
async def held_alone(folder: Path) -> AsyncIterator[None]:
    """Keep other gateways out of ``folder`` while the block runs.

    Commands that look at the database or add to it are not kept out.

    Raises:
        Conflict: another gateway runs on it.
        OSError: the folder cannot be written.
    """
    descriptor = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict(
                "data.in_use",
                f"Another gateway runs on {folder}. End it first, or name another folder "
                "(`data.directory`). Several gateways side by side share a PostgreSQL database, "
                "and have a folder each.",
            ) from None
        yield
    finally:
        os.close(descriptor)
