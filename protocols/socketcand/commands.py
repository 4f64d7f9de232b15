"""What clients say, as typed records.

Identifiers of eight digits have 29 bits, shorter ones 11; data bytes have one or two digits.
Times come as two numbers, seconds and microseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto

from protocols.can.frame import FD_LENGTHS, MAX_EXTENDED_ID, MAX_STANDARD_ID, CanFrame
from protocols.errors import RemoteProtocolError

#: Identifier and whether it has 29 bits.
Key = tuple[int, bool]

#: Entries of a multiplex filter: the mask that finds the multiplexer, and 1 to 256 contents.
MUX_ENTRIES = range(2, 258)

#: Seconds a cycle or a throttle may have: more is a mistake.
LONGEST = 86_400.0


class Mode(Enum):
    """What a client works with."""

    NO_BUS = auto()
    BCM = auto()
    RAW = auto()
    CONTROL = auto()
    ISOTP = auto()


@dataclass(frozen=True, slots=True)
class Open:
    """Use the bus of this name."""

    bus: str


@dataclass(frozen=True, slots=True)
class Setup:
    """Run a bus otherwise, before it is opened.

    Attributes:
        bus: its name.
        bitrate: bit/s, of ``B``; ``None`` where that is not what the command is about.
        listen_only: of ``C``, likewise.
    """

    bus: str
    bitrate: int | None = None
    listen_only: bool | None = None


@dataclass(frozen=True, slots=True)
class Switch:
    """Work in another mode."""

    mode: Mode


@dataclass(frozen=True, slots=True)
class Echo:
    """Say this back."""


@dataclass(frozen=True, slots=True)
class Send:
    """Put a frame on the bus."""

    frame: CanFrame


@dataclass(frozen=True, slots=True)
class Add:
    """Put a frame on the bus now and every ``interval`` seconds; 0 is now alone."""

    frame: CanFrame
    interval: float


@dataclass(frozen=True, slots=True)
class Update:
    """Change the data of a cyclic frame, and leave its timer."""

    frame: CanFrame


@dataclass(frozen=True, slots=True)
class Delete:
    """Send a cyclic frame no more."""

    key: Key


@dataclass(frozen=True, slots=True)
class Subscribe:
    """Show the frames of an identifier.

    Attributes:
        key: which.
        throttle: shortest time between two, seconds; the latest counts.
        masks: bits that must change for a frame to be shown: none shows every frame, one is for
            all of its contents, several begin with the mask that finds the multiplexer.
    """

    key: Key
    throttle: float
    masks: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """Show the frames of an identifier no more."""

    key: Key


@dataclass(frozen=True, slots=True)
class Statistics:
    """Tell the counters every ``interval`` seconds; 0 ends it."""

    interval: float


@dataclass(frozen=True, slots=True)
class IsotpConf:
    """An ISO-TP channel; members are those of Linux' ``can/isotp.h``.

    Attributes:
        tx: identifier that requests go out with.
        rx: identifier that answers come with.
        flags: which of the members that follow count.
        block_size: asked of the other side.
        stmin: asked of the other side, the byte of the flow control.
        padding: of what is sent.
        ext_address: first byte of what is sent.
        rx_ext_address: first byte of what is received.
    """

    tx: Key
    rx: Key
    flags: int
    block_size: int
    stmin: int
    padding: int | None = None
    ext_address: int | None = None
    rx_ext_address: int | None = None


@dataclass(frozen=True, slots=True)
class SendPdu:
    """Send a message over the channel."""

    data: bytes


Command = (
    Open
    | Setup
    | Switch
    | Echo
    | Send
    | Add
    | Update
    | Delete
    | Subscribe
    | Unsubscribe
    | Statistics
    | IsotpConf
    | SendPdu
)

#: Flags of ``can/isotp.h`` that concern us: what cannot be had is refused, not ignored.
LISTEN_MODE, EXTEND_ADDR, TX_PADDING, RX_EXT_ADDR = 0x001, 0x002, 0x004, 0x200


def parse(words: list[str]) -> Command:
    """Return the command that these words are.

    Raises:
        RemoteProtocolError: there is no such command, or it is made differently; the text is for
            the client.
    """
    name, *rest = words or [""]
    reader = _READERS.get(name)
    if reader is None and rest and rest[0] in _SETUPS:
        # The one kind of command that begins with the bus.
        bus, name, *rest = words
        reader, rest = _SETUPS[name], [bus, *rest]
    if reader is None:
        raise RemoteProtocolError("unknown command")
    try:
        return reader(rest)
    except (ValueError, IndexError):
        raise RemoteProtocolError(f"syntax: {_SHAPES[name]}") from None


def _key(word: str) -> Key:
    number = int(word, 16)
    extended = len(word) == 8 or number > MAX_STANDARD_ID
    if not 0 <= number <= MAX_EXTENDED_ID:
        raise ValueError(word)
    return number, extended


def _frame(words: list[str]) -> CanFrame:
    """Return the frame of identifier, length and bytes."""
    number, extended = _key(words[0])
    data = _bytes(words[2:])
    count = len(data)
    # Lengths are decimal; python-can writes those of CAN-FD in hexadecimal.
    if words[1] != str(count) and int(words[1], 16) != count:
        raise ValueError(words[1])
    if count not in FD_LENGTHS:
        raise ValueError(words[1])
    wide = count > 8
    return CanFrame(number, data, extended, fd=wide, brs=wide)


def _bytes(words: list[str]) -> bytes:
    if max(map(len, words), default=0) > 2:
        raise ValueError(words)
    return bytes([int(word, 16) for word in words])


def _seconds(words: list[str]) -> float:
    seconds = int(words[0]) + int(words[1]) / 1e6
    if not 0 <= seconds <= LONGEST or "-" in words[1]:
        raise ValueError(words)
    return seconds


def _single(words: list[str]) -> str:
    (word,) = words
    return word


def _filter(words: list[str]) -> Subscribe:
    frame = _frame(words[2:])
    if frame.fd:
        raise ValueError(words[3])
    mask = frame.data + bytes(8 - len(frame.data))
    return Subscribe((frame.id, frame.extended), _seconds(words), (mask,))


def _mux_filter(words: list[str]) -> Subscribe:
    data, entries = _bytes(words[4:]), int(words[3])
    if entries not in MUX_ENTRIES or len(data) != entries * 8:
        raise ValueError(words[3])
    masks = tuple(data[at : at + 8] for at in range(0, len(data), 8))
    return Subscribe(_key(words[2]), _seconds(words), masks)


def _subscribe(words: list[str]) -> Subscribe:
    seconds, micros, identifier = words
    return Subscribe(_key(identifier), _seconds([seconds, micros]))


def _statistics(words: list[str]) -> Statistics:
    interval = int(_single(words)) / 1000
    if not 0 <= interval <= LONGEST:
        raise ValueError(words)
    return Statistics(interval)


def _isotp(words: list[str]) -> IsotpConf:
    flags, block_size, stmin = int(words[2], 16), int(words[3]), int(words[4], 16)
    # Wait frames (5) are the other side's; padding of what comes (7) is taken as it is.
    more = [int(word, 16) for word in words[5:]]
    if not 0 <= block_size <= 0xFF or not all(0 <= it <= 0xFF for it in (stmin, *more)):
        raise ValueError(words)
    padding = more[1] if flags & TX_PADDING else None
    ext_address = more[3] if flags & EXTEND_ADDR else None
    rx_ext_address = more[4] if flags & RX_EXT_ADDR else ext_address
    return IsotpConf(
        _key(words[0]),
        _key(words[1]),
        flags,
        block_size,
        stmin,
        padding,
        ext_address,
        rx_ext_address,
    )


def _pdu(words: list[str]) -> SendPdu:
    data = bytes.fromhex(_single(words))
    if not data:
        raise ValueError(words)
    return SendPdu(data)


def _bit_timing(words: list[str]) -> Setup:
    bus, bitrate, *timing = words
    if len(timing) != 7 or int(bitrate) <= 0:
        raise ValueError(words)
    if any(map(int, timing)):
        raise RemoteProtocolError("the bus's own controller divides the bit: give 0 for the rest")
    return Setup(bus, bitrate=int(bitrate))


def _control_modes(words: list[str]) -> Setup:
    bus, *modes = words
    if len(modes) != 3 or not {*modes} <= {"0", "1"}:
        raise ValueError(words)
    listen_only, loopback, three_samples = (mode == "1" for mode in modes)
    if loopback or three_samples:
        raise RemoteProtocolError(
            "no loopback and no triple sampling on this bus: give 0 for both"
        )
    return Setup(bus, listen_only=listen_only)


def _none(words: list[str], command: Command) -> Command:
    if words:
        raise ValueError(words)
    return command


_READERS: Mapping[str, Callable[[list[str]], Command]] = {
    "send": lambda words: Send(_frame(words)),
    "open": lambda words: Open(_single(words)),
    "rawmode": lambda words: _none(words, Switch(Mode.RAW)),
    "bcmmode": lambda words: _none(words, Switch(Mode.BCM)),
    "controlmode": lambda words: _none(words, Switch(Mode.CONTROL)),
    "isotpmode": lambda words: _none(words, Switch(Mode.ISOTP)),
    "echo": lambda words: _none(words, Echo()),
    "add": lambda words: Add(_frame(words[2:]), _seconds(words)),
    "update": lambda words: Update(_frame(words)),
    "delete": lambda words: Delete(_key(_single(words))),
    "filter": _filter,
    "muxfilter": _mux_filter,
    "subscribe": _subscribe,
    "unsubscribe": lambda words: Unsubscribe(_key(_single(words))),
    "statistics": _statistics,
    "isotpconf": _isotp,
    "sendpdu": _pdu,
}

#: Commands that begin with the name of a bus.
_SETUPS: Mapping[str, Callable[[list[str]], Command]] = {"B": _bit_timing, "C": _control_modes}

#: How each is made, for who made it otherwise.
_SHAPES: Mapping[str, str] = {
    "send": "send ID LENGTH BYTES",
    "open": "open BUS",
    "B": "BUS B BITRATE SAMPLE_POINT TQ PROP_SEG PHASE_SEG1 PHASE_SEG2 SJW BRP",
    "C": "BUS C LISTEN_ONLY LOOPBACK THREE_SAMPLES",
    "rawmode": "rawmode",
    "bcmmode": "bcmmode",
    "controlmode": "controlmode",
    "isotpmode": "isotpmode",
    "echo": "echo",
    "add": "add SECONDS MICROSECONDS ID LENGTH BYTES",
    "update": "update ID LENGTH BYTES",
    "delete": "delete ID",
    "filter": "filter SECONDS MICROSECONDS ID LENGTH MASK",
    "muxfilter": "muxfilter SECONDS MICROSECONDS ID ENTRIES MASKS",
    "subscribe": "subscribe SECONDS MICROSECONDS ID",
    "unsubscribe": "unsubscribe ID",
    "statistics": "statistics MILLISECONDS",
    "isotpconf": "isotpconf TX RX FLAGS BLOCKSIZE STMIN [WFTMAX TXPAD RXPAD EXT RXEXT]",
    "sendpdu": "sendpdu HEX",
}
