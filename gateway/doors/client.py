"""One socketcand client: its frames, its ISO-TP channel, its timers.

    socket  ->  protocols.socketcand.Connection  ->  session: frames, exchanges
    bus     ->  the same                         ->  socket

What a client sends is taken as fast as the vehicle's bus takes it: while the link has no room,
nothing is read from its socket. What the bus says is kept for a client that does not read until
its feed is full, then the oldest goes and is counted; who reads nothing for ``send_timeout`` is
cut.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

import trio

from gateway.domain.errors import GatewayError
from gateway.doors.bus_setup import BusSetup
from gateway.doors.place import Place
from gateway.links.connector import LiveConnector
from gateway.links.monitors import FrameFeed
from gateway.sessions.targets import EcuAddress, to_target
from protocols.can.batch import decode_batch, encode_batch
from protocols.can.frame import CanFrame
from protocols.errors import LocalProtocolError
from protocols.link.vehicle import BusInfo, FrameFilter, Target
from protocols.socketcand.commands import EXTEND_ADDR, IsotpConf, Key, Mode
from protocols.socketcand.connection import Connection
from protocols.socketcand.events import (
    BusOpened,
    ChannelWanted,
    Ended,
    FramesToSend,
    ModeChanged,
    PduToSend,
    SetupWanted,
    SocketcandEvent,
)

#: Taken from a socket at a time, bytes: some 500 frames, which go on as one batch.
_CHUNK = 16_384

#: Frames in one batch for the vehicle: a tenth of a second of a full bus, so that a client that is
#: ahead of the bus does not fill the link either.
_BATCH = 256

#: Messages of a channel that wait for the one before; the client is not read beyond.
_WAITING_PDUS = 16

#: Clients take ``< ok >`` for an answer only if it comes alone: python-can reads it with whatever
#: follows at once. So the bus keeps silent for so long after a change to raw mode, seconds.
_QUIET = 0.05

#: All bits of an identifier count.
_WHOLE = 0x1FFFFFFF

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class ClientBus:
    """A bus that a client may open.

    Attributes:
        info: as the connector announced it.
        index: its number there, which batches of frames carry.
    """

    info: BusInfo
    index: int


class _Slow(Exception):
    """The client does not read."""


class Client:
    """The conversation with one client; :meth:`run` is its life.

    Args:
        place: the door's.
        stream: closed by whoever called.
        find: returns the bus of a key, if it has one.
        opened: called when the client has opened it.

    Attributes:
        is_slow: it was cut because it does not read.
    """

    def __init__(
        self,
        place: Place,
        stream: trio.SocketStream,
        find: Callable[[str], ClientBus | None],
        opened: Callable[[ClientBus], None],
    ) -> None:
        self.is_slow = False
        self._place = place
        self._stream = stream
        self._find = find
        self._opened = opened
        self._bus: ClientBus | None = None
        self._machine = Connection(self._opens)
        self._acting = trio.Lock()
        self._writing = trio.Lock()
        self._changed = trio.Event()
        self._has_left = self._is_over = False
        self._wanted: tuple[Key, ...] | None = None
        self._watch: _Watch | None = None
        self._quiet_until = 0.0
        self._setup = BusSetup(place)
        self._channel: Target | None = None
        self._send_pdu, self._pdus = trio.open_memory_channel[bytes](_WAITING_PDUS)

    def _opens(self, name: str) -> bool:
        self._bus = self._find(name)
        if self._bus is None:
            return False
        self._opened(self._bus)
        return True

    # --- life --------------------------------------------------------------------------------

    async def run(self) -> None:
        """Serve the client until it goes, or has to."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._keep_time)
                nursery.start_soon(self._run_channel)
                await self._read(nursery)
                nursery.cancel_scope.cancel()
        except* _Slow:
            self.is_slow = True
            self._place.counts.slow += 1
            self._place.log.warning("a client does not read", door="socketcand")
        except* trio.BrokenResourceError:
            self._place.log.debug("a client hung up", door="socketcand")

    async def _read(self, nursery: trio.Nursery) -> None:
        await self._flush()
        while data := await self._stream.receive_some(_CHUNK):
            self._acknowledge()
            self._machine.receive(bytes(data), trio.current_time())
            # What is asked for may answer what is sent: look first, then speak.
            await self._follow(nursery)
            await self._flush()
            await self._act_all()
            if self._is_over:
                return
            self._changed.set()

    def _acknowledge(self) -> None:
        """Acknowledge at once what came: many clients leave Nagle's algorithm on."""
        option = getattr(trio.socket, "TCP_QUICKACK", None)
        if option is not None:  # Linux alone has it, and forgets it again
            with suppress(OSError):
                self._stream.setsockopt(trio.socket.IPPROTO_TCP, option, 1)

    async def _act_all(self) -> None:
        """Do what the client wants, in its order, and tell it what is to be told."""
        async with self._acting:
            while (event := self._machine.next_event()) is not None:
                await self._act(event)
        await self._flush()

    async def _act(self, event: SocketcandEvent) -> None:
        match event:
            case FramesToSend(frames):
                await self._write_frames(frames)
            case SetupWanted():
                await self._set_up(event)
            case ChannelWanted(conf):
                self._configure(conf)
            case PduToSend(data):
                await self._queue_pdu(data)
            case ModeChanged():
                self._channel = None
            case BusOpened():
                self._place.log.debug("a bus was opened", door="socketcand")
            case Ended():
                self._is_over = True

    async def _flush(self) -> None:
        """Send what is queued; the client gets no longer than its time to read it."""
        async with self._writing:
            data = self._machine.data_to_send()
            if not data or self._has_left:
                return
            with trio.move_on_after(self._place.settings.send_timeout) as reading:
                try:
                    await self._stream.send_all(data)
                except trio.BrokenResourceError:
                    # Closing with frames unread resets the connection: what the client had sent
                    # before is still to be read, and meant.
                    self._has_left = True
            if reading.cancelled_caught:
                raise _Slow

    async def _keep_time(self) -> None:
        while True:
            self._changed = trio.Event()
            deadline = self._machine.next_deadline()
            with trio.move_on_at(math.inf if deadline is None else deadline):
                await self._changed.wait()
                continue
            self._machine.handle_deadline(trio.current_time())
            await self._act_all()

    async def _set_up(self, wanted: SetupWanted) -> None:
        bus = self._find(wanted.name)
        if bus is None:
            self._machine.fail_setup("could not open bus")
            return
        try:
            await self._setup.apply(bus.info.name, wanted)
        except GatewayError as error:
            reason = f"configuring interface {bus.info.name}: {error.code}: {error.detail}"
            self._machine.fail_setup(reason)
        else:
            self._machine.set_up(trio.current_time())

    # --- frames ------------------------------------------------------------------------------

    async def _write_frames(self, frames: tuple[CanFrame, ...]) -> None:
        """Put frames on the bus, in batches; what cannot be sent is told to the client."""
        assert self._bus is not None  # noqa: S101 - the machine sends on an open bus alone
        sessions, session = self._place.sessions, self._place.session
        try:
            for at in range(0, len(frames), _BATCH):
                part = frames[at : at + _BATCH]
                await sessions.write_frames(session, encode_batch(self._bus.index, part))
                self._place.counts.frames_taken += len(part)
        except LocalProtocolError as error:
            self._machine.refuse(str(error))
        except GatewayError as error:
            self._machine.refuse(f"{error.code}: {error.detail}")

    async def _follow(self, nursery: trio.Nursery) -> None:
        """Watch those frames of the bus that the client wants now."""
        wanted = self._machine.wanted
        if wanted == self._wanted:
            return
        self._wanted = wanted
        if self._machine.mode is Mode.RAW:
            self._quiet_until = trio.current_time() + _QUIET
        if wanted is None:
            self._replace_watch(None)
            return
        try:
            await nursery.start(self._show, wanted)
        except GatewayError as error:
            self._machine.refuse(f"{error.code}: {error.detail}")

    def _replace_watch(self, watch: _Watch | None) -> None:
        """End the watch so far; nothing is missed or shown twice, because nobody waits here."""
        before, self._watch = self._watch, watch
        if before is not None:
            self._show_waiting(before)
            before.scope.cancel()

    async def _show(self, wanted: tuple[Key, ...], *, task_status: trio.TaskStatus[None]) -> None:
        """Show what the bus says until cancelled, or until the connector is given up."""
        assert self._bus is not None  # noqa: S101 - the machine wants frames of an open bus alone
        live = self._place.sessions.connector(self._place.session)
        filters = tuple(FrameFilter(number, _WHOLE, wide) for number, wide in wanted)
        with (
            trio.CancelScope() as scope,
            live.listen(self._bus.info.name, filters) as feed,
        ):
            watch = _Watch(scope, feed, live)
            self._replace_watch(watch)
            task_status.started()
            await trio.sleep_until(self._quiet_until)
            while True:
                self._take(await feed.next(), watch)
                self._show_waiting(watch)
                await self._flush()
                self._changed.set()

    def _show_waiting(self, watch: _Watch) -> None:
        while (batch := watch.feed.take()) is not None:
            self._take(batch, watch)

    def _take(self, batch: bytes, watch: _Watch) -> None:
        frames = decode_batch(batch)
        counts, feed = self._place.counts, watch.feed
        counts.frames_shown += len(frames.frames)
        counts.frames_lost += frames.dropped + feed.dropped
        feed.dropped = 0
        now = trio.current_time()
        # What makes the connector's time stamps microseconds since 1970.
        wall = (self._place.clock() - _EPOCH).total_seconds()
        offset_us = round((wall - now) * 1e6) - watch.live.clock_offset_us
        self._machine.show(frames.frames, now, offset_us)

    # --- the ISO-TP channel ------------------------------------------------------------------

    def _configure(self, conf: IsotpConf) -> None:
        assert self._bus is not None  # noqa: S101 - the machine has channels on an open bus alone
        try:
            self._channel = to_target(_address(conf, self._bus.info.name))
        except GatewayError as error:
            self._machine.drop_channel(f"{error.code}: {error.detail}")

    async def _queue_pdu(self, data: bytes) -> None:
        if self._channel is None:
            self._machine.refuse("no channel; isotpconf comes first")
        else:
            await self._send_pdu.send(data)

    async def _run_channel(self) -> None:
        """Send the channel's messages, one after the other, and show what answers them."""
        sessions, session = self._place.sessions, self._place.session
        async for data in self._pdus:
            target = self._channel
            if target is None:
                continue
            self._place.counts.exchanges += 1
            try:
                answers = await sessions.exchange(session, target, data, by="socketcand")
            except GatewayError as error:
                self._machine.refuse(f"{error.code}: {error.detail}")
            else:
                for answer in answers:
                    stamp = round((answer.received_at - _EPOCH).total_seconds() * 1e6)
                    self._machine.show_pdu(answer.data, stamp)
            await self._flush()


@dataclass(frozen=True, slots=True)
class _Watch:
    """A running watch on the bus."""

    scope: trio.CancelScope
    feed: FrameFeed
    live: LiveConnector


def _address(conf: IsotpConf, bus: str) -> EcuAddress:
    """Return the channel as the session names control units."""
    (request_id, wide), (response_id, _) = conf.tx, conf.rx
    extended = bool(conf.flags & EXTEND_ADDR)
    return EcuAddress(
        request_id=request_id,
        response_id=response_id,
        bus=bus,
        extended_id=wide,
        addressing="extended" if extended else "normal",
        target_address=conf.ext_address if extended else None,
        source_address=conf.rx_ext_address if extended else None,
        padding=conf.padding,
        stmin=conf.stmin,
        block_size=conf.block_size,
    )
