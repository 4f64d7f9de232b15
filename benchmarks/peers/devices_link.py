"""Connectors on the gateway's own link that stream frames while somebody watches."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from random import Random
from typing import Protocol

import trio

from firmware_sim.firmware.link import LinkClient
from firmware_sim.fleet import answers
from firmware_sim.roster import RosterEntry
from protocols.link.events import Event, MessageReceived
from protocols.link.messages import MonitorStart, MonitorStop, SessionClose, SessionClosed


class Stream(Protocol):
    """Sends the frames of one bus, for ever."""

    async def __call__(
        self, send: Callable[[bytes], Awaitable[object]], rate: float, index: int, flush_ms: int
    ) -> None: ...


class Source:
    """One connector; lives as long as :meth:`run`."""

    def __init__(
        self, entry: RosterEntry, rate: float, stream: Stream, nursery: trio.Nursery
    ) -> None:
        self._rate = rate
        self._stream = stream
        self._nursery = nursery
        self._watched = trio.CancelScope()
        self._link = LinkClient(
            entry.gateway,
            entry.identity,
            answers.CAPABILITIES,
            self._handle,
            random=Random(str(entry.uuid)),
        )

    async def run(self) -> None:
        """Be online until cancelled."""
        await self._link.run()

    def _handle(self, event: Event) -> None:
        if not isinstance(event, MessageReceived):
            return
        match event.message:
            case MonitorStart(index=index, flush_ms=flush_ms):
                self._stop()
                self._nursery.start_soon(self._show, index, flush_ms, self._watched)
            case MonitorStop():
                self._stop()
            case SessionClose(session):
                self._link.send(SessionClosed(session, safe=True))
            case _:
                pass
        self._link.consumed(event.channel)

    def _stop(self) -> None:
        self._watched.cancel()
        self._watched = trio.CancelScope()

    async def _show(self, index: int, flush_ms: int, watched: trio.CancelScope) -> None:
        with watched:
            await self._stream(self._link.send_frames, self._rate, index, flush_ms)


async def run(entries: Sequence[RosterEntry], rate: float, stream: Stream) -> None:
    """Be online with everybody until cancelled."""
    async with trio.open_nursery() as nursery:
        for entry in entries:
            nursery.start_soon(Source(entry, rate, stream, nursery).run)
