"""One client of a socketcand server: modes, commands, what it is shown.

Rules
- The server greets; the first thing a client does is to open a bus, by its name. A wrong name ends
  the connection. An opened bus is in BCM mode.
- Before that, and only then, a client may have buses run otherwise (``B``, ``C``). Nothing else of
  what it says is heard until that is done; where it cannot be done the connection ends.
- Each mode has its own commands; any other gets an error and changes nothing.
- ``open`` and a change of mode are answered with ``< ok >``, ``echo`` with itself, all else with
  nothing, or with ``< error TEXT >`` where something is wrong with it.
- Cyclic frames and subscriptions go when the client leaves the BCM mode, the counters' interval
  when it leaves the control mode.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from protocols.can.frame import CanFrame
from protocols.errors import RemoteProtocolError
from protocols.fsm import Table
from protocols.socketcand import commands as said
from protocols.socketcand.broadcast import Broadcast
from protocols.socketcand.commands import Command, Key, Mode, parse
from protocols.socketcand.echoes import Echoes
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
from protocols.socketcand.text import (
    ECHO,
    HELLO,
    OK,
    Splitter,
    error_text,
    frame_text,
    pdu_text,
)

_BUSY = (Mode.BCM, Mode.RAW, Mode.CONTROL, Mode.ISOTP)

#: A trigger is the mode that is asked for; opening a bus asks for BCM.
MODE_TABLE: Table[Mode, Mode] = Table(
    "socketcand client",
    initial=Mode.NO_BUS,
    final=frozenset(),
    transitions={
        (Mode.NO_BUS, Mode.BCM): Mode.BCM,
        **{(state, wanted): wanted for state in _BUSY for wanted in _BUSY},
    },
)

_ANYWHERE = frozenset({said.Switch, said.Echo})
_ALLOWED: dict[Mode, frozenset[type]] = {
    Mode.NO_BUS: frozenset({said.Open, said.Setup}),
    Mode.BCM: _ANYWHERE
    | {said.Send, said.Add, said.Update, said.Delete, said.Subscribe, said.Unsubscribe},
    Mode.RAW: _ANYWHERE | {said.Send},
    Mode.CONTROL: _ANYWHERE | {said.Statistics},
    Mode.ISOTP: _ANYWHERE | {said.IsotpConf, said.SendPdu},
}

#: Shortest interval of the counters, seconds; the daemon looks at its clock this often.
SHORTEST_STATISTICS = 0.01


class Connection:
    """One client.

    Args:
        opens: judges the name of a bus.

    Attributes:
        received: frames and data bytes that the bus has shown.
        sent: frames and data bytes put on the bus.
    """

    def __init__(self, opens: Callable[[str], bool]) -> None:
        self.received = self.received_bytes = 0
        self.sent = self.sent_bytes = 0
        self._opens = opens
        self._mode = MODE_TABLE.initial
        self._splitter = Splitter()
        self._broadcast = Broadcast()
        self._echoes = Echoes()
        self._outgoing = bytearray(HELLO)
        self._events: deque[SocketcandEvent] = deque()
        self._frames: list[CanFrame] = []
        self._interval = 0.0
        self._statistics_at = 0.0
        self._offset_us = 0
        self._has_channel = False
        self._is_over = False
        self._is_setting_up = False
        # What a client says while a bus is set up: no more than one call's worth, as drivers
        # finish before they read on.
        self._unheard: deque[list[str]] = deque()
        # The commands of the table above, but for those that ``_take`` does by itself.
        self._handlers: dict[type, Callable[[Command, float], None]] = {
            said.Open: self._open,
            said.Setup: self._set_up,
            said.Switch: self._switch,
            said.Statistics: self._count,
            said.IsotpConf: self._configure,
            said.SendPdu: self._send_pdu,
        }

    @property
    def mode(self) -> Mode:
        return self._mode

    @property
    def wanted(self) -> tuple[Key, ...] | None:
        """Identifiers of the frames that are of interest; empty for all, ``None`` for none."""
        if self._mode is Mode.RAW or (self._mode is Mode.CONTROL and self._interval):
            return ()
        return self._broadcast.watched or None if self._mode is Mode.BCM else None

    def receive(self, data: bytes, now: float) -> None:
        """Take bytes of the client; nothing it sends raises."""
        if self._is_over:
            return
        try:
            self._unheard.extend(self._splitter.receive(data))
        except RemoteProtocolError as error:
            self._end(str(error))
        self._listen(now)

    def _listen(self, now: float) -> None:
        while self._unheard and not self._is_over and not self._is_setting_up:
            self._hear(self._unheard.popleft(), now)
        self._gather(now)

    def set_up(self, now: float) -> None:
        """Tell the client that the bus runs as it wanted, and hear what else it has said."""
        self._is_setting_up = False
        self._outgoing += OK
        self._listen(now)

    def fail_setup(self, reason: str) -> None:
        """Tell the client why a bus does not run as it wanted, which ends the connection."""
        self._is_setting_up = False
        self._end(reason)

    def show(self, frames: Iterable[CanFrame], now: float, offset_us: int) -> None:
        """Show frames of the bus, as the client's mode wants it.

        Args:
            frames: as the connector saw them.
            now: seconds.
            offset_us: what makes their time stamps microseconds since 1970.
        """
        self._offset_us = offset_us
        for frame in frames:
            self.received += 1
            self.received_bytes += len(frame.data)
            if self._mode is Mode.RAW:
                if not self._echoes.is_own(frame, now):
                    self._write_frame(frame)
            elif self._mode is Mode.BCM and self._broadcast.take(frame, now):
                self._write_frame(frame, spaced=True)

    def show_pdu(self, data: bytes, wall_us: int) -> None:
        """Show a message that came over the channel; after a change of mode it is nobody's."""
        if self._mode is Mode.ISOTP:
            self._write(pdu_text(data, wall_us))

    def refuse(self, reason: str) -> None:
        """Tell the client why something that it asked for does not happen."""
        self._write(error_text(reason))

    def drop_channel(self, reason: str) -> None:
        """Refuse the channel that was wanted."""
        self._has_channel = False
        self.refuse(reason)

    def data_to_send(self) -> bytes:
        """Return and forget what is queued."""
        data = bytes(self._outgoing)
        self._outgoing.clear()
        return data

    def next_event(self) -> SocketcandEvent | None:
        return self._events.popleft() if self._events else None

    def next_deadline(self) -> float | None:
        """Return when ``handle_deadline`` is due."""
        if self._mode is Mode.BCM:
            return self._broadcast.next_deadline()
        return self._statistics_at if self._interval else None

    def handle_deadline(self, now: float) -> None:
        """Send and show what is due; harmless when called early."""
        if self._mode is Mode.BCM:
            self._frames.extend(self._broadcast.frames_due(now))
            for frame in self._broadcast.held_back(now):
                self._write_frame(frame, spaced=True)
            self._gather(now)
        elif self._interval and self._statistics_at <= now:
            self._statistics_at = now + self._interval
            counters = (self.received_bytes, self.received, self.sent_bytes, self.sent)
            self._write(f"< stat {' '.join(map(str, counters))} >")

    # --- commands ----------------------------------------------------------------------------

    def _hear(self, words: list[str], now: float) -> None:
        try:
            command = parse(words)
            if type(command) not in _ALLOWED[self._mode]:
                raise RemoteProtocolError("unknown command")
            self._take(command, now)
        except RemoteProtocolError as error:
            self.refuse(str(error))

    def _take(self, command: Command, now: float) -> None:
        match command:
            case said.Send(frame):
                self._frames.append(frame)
            case said.Echo():
                self._outgoing += ECHO
            case said.Add(frame, interval):
                self._broadcast.add(frame, interval, now)
                self._frames.extend(self._broadcast.frames_due(now))
            case said.Update(frame):
                self._broadcast.update(frame)
            case said.Delete(key):
                self._broadcast.delete(key)
            case said.Subscribe():
                self._broadcast.subscribe(command)
            case said.Unsubscribe(key):
                self._broadcast.unsubscribe(key)
            case _:
                self._gather(now)  # what was sent before stays before
                self._handlers[type(command)](command, now)

    def _set_up(self, command: Command, _now: float) -> None:
        assert isinstance(command, said.Setup)  # noqa: S101 - the table says so
        self._is_setting_up = True
        self._events.append(SetupWanted(command.bus, command.bitrate, command.listen_only))

    def _open(self, command: Command, _now: float) -> None:
        assert isinstance(command, said.Open)  # noqa: S101 - the table says so
        if not self._opens(command.bus):
            self._end("could not open bus")
            return
        self._mode = MODE_TABLE.step(self._mode, Mode.BCM)
        self._events.append(BusOpened(command.bus))
        self._outgoing += OK

    def _switch(self, command: Command, _now: float) -> None:
        assert isinstance(command, said.Switch)  # noqa: S101 - the table says so
        if command.mode is not self._mode:
            self._mode = MODE_TABLE.step(self._mode, command.mode)
            self._broadcast = Broadcast()
            self._interval = 0.0
            self._has_channel = False
            self._events.append(ModeChanged(self._mode))
        self._outgoing += OK

    def _count(self, command: Command, now: float) -> None:
        assert isinstance(command, said.Statistics)  # noqa: S101 - the table says so
        interval = command.interval
        self._interval = max(interval, SHORTEST_STATISTICS) if interval else 0.0
        self._statistics_at = now + self._interval

    def _configure(self, command: Command, _now: float) -> None:
        assert isinstance(command, said.IsotpConf)  # noqa: S101 - the table says so
        if self._has_channel:
            raise RemoteProtocolError("the channel is configured; leave isotpmode for another")
        if command.flags & said.LISTEN_MODE:
            raise RemoteProtocolError("no listening to a channel here; use rawmode")
        self._has_channel = True
        self._events.append(ChannelWanted(command))

    def _send_pdu(self, command: Command, _now: float) -> None:
        assert isinstance(command, said.SendPdu)  # noqa: S101 - the table says so
        if not self._has_channel:
            raise RemoteProtocolError("no channel; isotpconf comes first")
        self._events.append(PduToSend(command.data))

    def _gather(self, now: float) -> None:
        """Hand over the frames that were said to be sent, as one event."""
        if not self._frames:
            return
        frames = tuple(self._frames)
        self._frames.clear()
        self.sent += len(frames)
        self.sent_bytes += sum(len(frame.data) for frame in frames)
        if self._mode is Mode.RAW:
            self._echoes.sent(frames, now)
        self._events.append(FramesToSend(frames))

    def _end(self, reason: str) -> None:
        self.refuse(reason)
        self._is_over = True
        self._events.append(Ended(reason))

    # --- what it is shown --------------------------------------------------------------------

    def _write_frame(self, frame: CanFrame, *, spaced: bool = False) -> None:
        text = frame_text(frame, frame.timestamp_us + self._offset_us, spaced=spaced)
        if text is not None:
            self._outgoing += text.encode()

    def _write(self, text: str) -> None:
        self._outgoing += text.encode()
