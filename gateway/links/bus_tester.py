"""ISO-TP and the UDS timing of one bus, run here for a connector that carries frames only.

    exchange() ─ CanExchanges ─ frames to send ──> write_frames ─ link ─ connector ─ bus
                      ▲                                                      │
                      └──────────── monitor of this bus, filtered <──────────┘

What this costs against ISO-TP on board, and cannot be helped: every flow control and every 0x78
crosses the network. Control units wait 1 s for a flow control (N_Bs) and for the next consecutive
frame (N_Cr, ISO 15765-2 table 16), so the round trip must stay well below that; and a separation
time is kept when frames leave here, while the network may still push them together.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Protocol

import trio

from gateway.domain.errors import Unavailable
from gateway.links.monitors import FrameFeed
from protocols.can.batch import decode_batch, encode_batch
from protocols.can.frame import MAX_EXTENDED_ID, MAX_STANDARD_ID, CanFrame
from protocols.diagnosis.exchanges import CanExchanges
from protocols.diagnosis.route import CanRoute
from protocols.isotp.params import IsoTpParams
from protocols.link.vehicle import FrameFilter
from protocols.uds.outcome import Finished
from protocols.uds.policy import ExchangePolicy

#: Frames in one batch at most; as many as the connector's own batches have.
BATCH = 512

#: Filters at most; whoever asks more control units than that hears the whole bus.
MAX_FILTERS = 32

#: Answers of legislated diagnostics (ISO 15765-4): 7E8 to 7EF, and 18DAF1xx.
OBD_ANSWERS = (
    FrameFilter(0x7E8, 0x7F8),
    FrameFilter(0x18DAF100, 0x1FFFFF00, extended=True),
)

EVERYTHING = (FrameFilter(0, 0), FrameFilter(0, 0, extended=True))


class FrameCarrier(Protocol):
    """What is needed of a connector."""

    def listen(
        self, bus: str, filters: tuple[FrameFilter, ...] = ()
    ) -> AbstractContextManager[FrameFeed]:
        """Feed frame batches of a bus while the block runs."""
        ...

    async def write_frames(self, batch: bytes) -> None:
        """Send a batch of frames; raises ``Unavailable`` when the connector is not connected."""
        ...


class _Waiting:
    """A task that waits for an outcome."""

    __slots__ = ("done", "outcome")

    def __init__(self) -> None:
        self.done = trio.Event()
        self.outcome: Finished | None = None


class BusTester:
    """The exchanges of one bus over one connection; :meth:`run` is a task of the connection.

    Listens from the first exchange until :meth:`rest`, so that a bus nobody works on costs no
    traffic. Which identifiers are listened to changes only between exchanges, because the
    connector begins a new monitor then and frames in between would be lost.

    Args:
        carrier: carries the frames.
        bus: its name.
        index: the number its batches carry.
        params: how ISO-TP is spoken on it.
        known: identifiers of control units known to answer on it, and whether they have 29 bits.
    """

    def __init__(
        self,
        carrier: FrameCarrier,
        bus: str,
        index: int,
        params: IsoTpParams,
        known: Iterable[tuple[int, bool]] = (),
    ) -> None:
        self._carrier = carrier
        self._bus = bus
        self._index = index
        self._machine = CanExchanges(params)
        self._numbers = itertools.count(1)
        self._waiting: dict[int, _Waiting] = {}
        self._wanted: tuple[FrameFilter, ...] = OBD_ANSWERS
        self._want(known)
        self._listened: tuple[FrameFilter, ...] = ()
        self._resting = True
        self._over = False
        self._stirred = trio.Event()
        self._ready = trio.Event()
        self._pause: trio.CancelScope | None = None

    # --- for those who ask -------------------------------------------------------------------

    async def exchange(self, route: CanRoute, request: bytes, policy: ExchangePolicy) -> Finished:
        """Ask one control unit, or everybody, and return how that went.

        Raises:
            LocalProtocolError: no such request can be sent.
            Unavailable: the connection is over.
        """
        if self._machine.interject(route, request, trio.current_time()):
            self._stir()
            return Finished((), None)
        await self._listen_to(key for address in route.addresses for key in address.rx_keys)
        number, waiting = next(self._numbers), _Waiting()
        self._machine.ask(number, route, request, policy, trio.current_time())
        self._waiting[number] = waiting
        self._stir()
        try:
            await waiting.done.wait()
        finally:
            del self._waiting[number]
            self._machine.cancel(number, trio.current_time())
            self._stir()
        if waiting.outcome is None:
            raise AssertionError("woken without an outcome")
        return waiting.outcome

    def rest(self) -> None:
        """Stop listening once nothing is under way; the next exchange begins anew."""
        self._resting = True
        self._stir()

    async def _listen_to(self, keys: Iterable[tuple[int, bool]]) -> None:
        """Wait until frames with these identifiers reach us.

        Raises:
            Unavailable: the connection is over.
        """
        self._resting = False
        self._want(keys)
        self._stir()
        while self._listened != self._wanted and not self._over:
            await self._ready.wait()
        if self._over:
            raise interrupted()

    def _want(self, keys: Iterable[tuple[int, bool]]) -> None:
        for identifier, extended in keys:
            if not any(_covers(it, identifier, extended=extended) for it in self._wanted):
                mask = MAX_EXTENDED_ID if extended else MAX_STANDARD_ID
                self._wanted = (*self._wanted, FrameFilter(identifier, mask, extended))
        if len(self._wanted) > MAX_FILTERS:
            self._wanted = EVERYTHING

    # --- the task of the connection ----------------------------------------------------------

    async def run(self) -> None:
        """Serve until cancelled; then everything under way fails.

        Raises:
            RemoteProtocolError: the connector sent a batch that is none.
        """
        try:
            while True:
                while self._resting:
                    await self._stirred.wait()
                    self._stirred = trio.Event()
                with self._carrier.listen(self._bus, self._wanted) as feed:
                    self._now_listening(self._wanted)
                    await self._serve(feed)
                self._listened = ()
        finally:
            self._end()

    def _now_listening(self, filters: tuple[FrameFilter, ...]) -> None:
        self._listened = filters
        self._ready.set()
        self._ready = trio.Event()

    def _end(self) -> None:
        self._over = True
        self._ready.set()
        while len(self._machine):
            self._machine.bus_failed("the connector's link was interrupted", trio.current_time())
            self._tell()

    def _stir(self) -> None:
        """Let the task look at the machine again."""
        self._stirred.set()
        if self._pause is not None:
            self._pause.deadline = -math.inf

    async def _serve(self, feed: FrameFeed) -> None:
        """Move frames and time until nothing is under way and other filters, or none, are due."""
        while True:
            await self._flush()
            changes = self._resting or self._listened != self._wanted
            if changes and not len(self._machine):
                return
            batch = await self._next_batch(feed)
            now = trio.current_time()
            if batch is not None:
                for frame in decode_batch(batch).frames:
                    self._machine.receive(frame, now)
            self._machine.handle_deadline(now)

    async def _next_batch(self, feed: FrameFeed) -> bytes | None:
        """Wait for a batch; ``None`` when there is something else to do."""
        due = self._machine.next_deadline()
        try:
            with trio.move_on_at(math.inf if due is None else due) as self._pause:
                return await feed.next()
        finally:
            self._pause = None
        return None

    async def _flush(self) -> None:
        """Send what is to be sent, and tell outcomes; what ends may let the next one begin."""
        machine = self._machine
        while True:
            frames = machine.frames_to_send()
            if frames:
                try:
                    await self._write(frames)
                except Unavailable as error:
                    machine.bus_failed(error.detail, trio.current_time())
                else:
                    machine.frames_sent(trio.current_time())
            elif not self._tell():
                return

    async def _write(self, frames: list[CanFrame]) -> None:
        for start in range(0, len(frames), BATCH):
            batch = encode_batch(self._index, frames[start : start + BATCH])
            await self._carrier.write_frames(batch)

    def _tell(self) -> bool:
        """Hand outcomes to those who wait for them; return whether there was one."""
        told = False
        while (event := self._machine.next_event()) is not None:
            told = True
            waiting = self._waiting.get(event.number)
            if waiting is not None:
                waiting.outcome = event.outcome
                waiting.done.set()
        return told


def interrupted() -> Unavailable:
    """Return the refusal for an exchange that finds no connection."""
    return Unavailable(
        "connector.interrupted",
        "The connector's link is interrupted, and it carries raw frames only: nothing can wait in "
        "it. Ask again when it is back.",
        retry_after=1,
    )


def _covers(wanted: FrameFilter, identifier: int, *, extended: bool) -> bool:
    return wanted.extended == extended and not (wanted.id ^ identifier) & wanted.mask
