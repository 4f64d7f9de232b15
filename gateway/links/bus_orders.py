"""How a session has buses of a connector run: orders on their way, matched to answers by id."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import trio

from gateway.domain.errors import Conflict, GatewayError, Unavailable
from protocols.link.buses import BusConfigure, BusConfigured
from protocols.link.vehicle import FrameFilter

#: Orders one connector may have on their way; people give them, one after the other.
MAX_ORDERS = 16

#: How long a connector may take, seconds: an interface goes down, is set and comes up again.
LIMIT = 15.0


class _Waiting:
    """A task that waits for an answer."""

    def __init__(self) -> None:
        self.done = trio.Event()
        self.outcome: BusConfigured | GatewayError | None = None

    def finish(self, outcome: BusConfigured | GatewayError) -> None:
        self.outcome = outcome
        self.done.set()


class BusOrders:
    """The orders of one connector; they survive reconnections within the resume window.

    Args:
        send: queues an order; raises ``Unavailable`` where there is no room.
        first: number of the first order, another one for each new link.
    """

    def __init__(self, send: Callable[[BusConfigure], None], *, first: int) -> None:
        self._send = send
        self._ids = itertools.count(first)
        self._waiting: dict[int, _Waiting] = {}

    async def configure(
        self,
        session: str,
        bus: str,
        *,
        bitrate: int | None,
        data_bitrate: int | None,
        listen_only: bool,
        filters: tuple[FrameFilter, ...],
    ) -> BusConfigured:
        """Have a bus run otherwise until the session ends; see :class:`BusConfigure`.

        Raises:
            Unavailable: too much waits for the connector, it was lost for good, or it does not
                answer.
            Conflict: too many orders are on their way.
        """
        if len(self._waiting) >= MAX_ORDERS:
            raise Conflict("bus.busy", "This connector is setting up its buses already: wait.")
        number = next(self._ids)
        self._send(BusConfigure(number, session, bus, bitrate, data_bitrate, listen_only, filters))
        waiting = self._waiting[number] = _Waiting()
        try:
            with trio.move_on_after(LIMIT):
                await waiting.done.wait()
        finally:
            del self._waiting[number]
        if waiting.outcome is None:
            raise Unavailable(
                "bus.no_answer",
                f"The connector has not set up its bus within {LIMIT:g} s. Look at its status "
                "before you go on.",
            )
        if isinstance(waiting.outcome, GatewayError):
            raise waiting.outcome
        return waiting.outcome

    def finish(self, answer: BusConfigured) -> None:
        """Take an answer; one that nobody waits for any more is nothing."""
        waiting = self._waiting.get(answer.id)
        if waiting is not None:
            waiting.finish(answer)

    def fail(self, reason: Callable[[], GatewayError]) -> None:
        """End every wait."""
        for waiting in self._waiting.values():
            waiting.finish(reason())
