"""Half-open connections: nobody uses them any more, and their other end must not hear of it."""

from __future__ import annotations

from functools import partial

import trio

from firmware_sim.fleet.agenda import Agenda

#: Seconds until a socket really closes; far longer than a gateway needs to find out.
RESTS = 120.0

#: Sockets that may lie about; beyond it the oldest closes early.
LARGEST = 4096


class Graveyard:
    """Keeps the sockets; owned by the fleet.

    Args:
        agenda: tells when one has rested long enough.
        nursery: for closing them.
    """

    def __init__(self, agenda: Agenda, nursery: trio.Nursery) -> None:
        self._agenda = agenda
        self._nursery = nursery
        self._streams: dict[int, trio.abc.Stream] = {}

    def __len__(self) -> int:
        return len(self._streams)

    def bury(self, stream: trio.abc.Stream) -> None:
        """Keep a connection open for a while."""
        if len(self._streams) >= LARGEST:
            self._close(next(iter(self._streams)))
        self._streams[id(stream)] = stream
        self._agenda.after(RESTS, partial(self._close, id(stream)))

    def _close(self, name: int) -> None:
        stream = self._streams.pop(name, None)
        if stream is not None:
            self._nursery.start_soon(trio.aclose_forcefully, stream)

    async def close_all(self) -> None:
        """Close what is left."""
        while self._streams:
            _, stream = self._streams.popitem()
            await trio.aclose_forcefully(stream)
