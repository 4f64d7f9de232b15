"""What a store of files does, whoever keeps the bytes."""

from __future__ import annotations

from collections.abc import AsyncIterable
from datetime import datetime
from typing import Protocol

import trio


class FileStore(Protocol):
    """Keeps bytes under keys that its user makes up: 32 or 64 hexadecimal digits."""

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Hold on to what it needs until cancelled."""
        ...

    async def put(self, key: str, chunks: AsyncIterable[bytes]) -> None:
        """Keep what ``chunks`` yields; when this returns it survives a crash of the machine.

        Whatever ``chunks`` raises passes through, and nothing is kept.
        """
        ...

    async def read(self, key: str, offset: int, size: int) -> bytes:
        """Return up to ``size`` bytes from ``offset`` on; none behind the end.

        Nothing stays open between two reads, so whoever stops reading leaves nothing behind.

        Raises:
            FileNotFoundError: there is nothing under this key.
        """
        ...

    async def delete(self, key: str) -> None:
        """Forget it; nothing happens if it is not there."""
        ...

    async def keys(self, older_than: datetime) -> tuple[str, ...]:
        """Return the keys of what was put before ``older_than``."""
        ...

    def direct(self, key: str, content_type: str, disposition: str, seconds: int) -> str | None:
        """Return an address where a client may fetch it without us, for a while.

        ``None`` where there is none, and the bytes must pass through the gateway.

        Args:
            key: of the file.
            content_type: what it is to be answered as.
            disposition: ``Content-Disposition`` it is to be answered with.
            seconds: how long the address is good.
        """
        ...
