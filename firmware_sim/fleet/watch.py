"""The monitors of one member: tasks that exist only while somebody watches."""

from __future__ import annotations

import trio

from firmware_sim.firmware.link import LinkClient
from firmware_sim.fleet.frames import FrameSource
from firmware_sim.fleet.tally import Tally
from protocols.errors import LocalProtocolError
from protocols.link.messages import MonitorStart

#: Shortest time between two batches, seconds: a gateway may ask for none.
_SHORTEST_FLUSH = 0.001


class Watches:
    """Who watches which bus; ends with :meth:`stop_all`.

    Args:
        link: takes the batches.
        rate: frames a second on each bus; a bus without frames is watched in vain.
        tally: counts them.
        nursery: of the fleet.
    """

    def __init__(self, link: LinkClient, rate: float, tally: Tally, nursery: trio.Nursery) -> None:
        self._link = link
        self._rate = rate
        self._tally = tally
        self._nursery = nursery
        self._running: dict[str, trio.CancelScope] = {}

    def start(self, order: MonitorStart) -> None:
        """Show the frames of a bus from now on, in place of a former order for it."""
        self.stop(order.bus)
        if self._rate <= 0:
            return
        try:
            source = FrameSource(order, self._rate, trio.current_time())
        except LocalProtocolError as error:
            self._link.goodbye(f"monitor: {error}")
            return
        scope = self._running[order.bus] = trio.CancelScope()
        flush = max(order.flush_ms / 1000, _SHORTEST_FLUSH)
        self._nursery.start_soon(self._watch, source, flush, scope)

    def stop(self, bus: str) -> None:
        """Show no more of a bus."""
        scope = self._running.pop(bus, None)
        if scope is not None:
            scope.cancel()

    def stop_all(self) -> None:
        """Show nothing any more."""
        for bus in list(self._running):
            self.stop(bus)

    async def _watch(self, source: FrameSource, flush: float, scope: trio.CancelScope) -> None:
        with scope:
            while True:
                await trio.sleep(flush)
                batch, count = source.batch(trio.current_time())
                if not count:
                    continue
                if await self._link.send_frames(batch):
                    source.taken()
                    self._tally.frames_sent += count
                else:
                    source.not_taken(count)
                    self._tally.frames_lost += count
