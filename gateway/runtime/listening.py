"""Ports that are listened at: one promise each, and a clear word where one cannot be had."""

from __future__ import annotations

import trio


async def listeners_at(
    host: str, port: int, *, setting: str, backlog: int | None = None
) -> list[trio.SocketListener]:
    """Return listeners at every address of ``host``; at the first alone where ``port`` is 0.

    A name with several addresses would get several ports then, and one is the promise.

    Args:
        host: address or name; empty for every address of this machine.
        port: number; 0 for any that is free.
        setting: what people change where it cannot be had (``http`` has a host, a port).
        backlog: connections that may wait; Trio's own number when left out.

    Raises:
        OSError: the address cannot be had; says which, and what to change.
    """
    try:
        opened = await trio.open_tcp_listeners(port, host=host, backlog=backlog)
    except OSError as error:
        # Trio wraps what it heard in an error of its own, when a name has several addresses.
        cause = error if error.errno is not None else error.__cause__ or error
        what = getattr(cause, "strerror", None) or str(error)
        advice = f"Change {setting}.host or {setting}.port, or end what has it."
        raise OSError(f"cannot listen at {host or '*'}:{port}: {what}. {advice}") from error
    kept = opened[:1] if port == 0 else opened
    for extra in opened[len(kept) :]:
        await extra.aclose()
    return kept
