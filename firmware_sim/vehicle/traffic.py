"""Messages of a DBC file, with signals that move: what a bus sounds like when nobody asks.

cantools is imported when a database is opened, so that vehicles without one start quickly.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from operator import xor
from pathlib import Path
from typing import TYPE_CHECKING

from firmware_sim.vehicle.signals import Wave
from firmware_sim.vehicle.traffic_spec import TrafficMessageSpec, TrafficSpec
from protocols.can.frame import CanFrame

if TYPE_CHECKING:
    from cantools.database.can import Database, Message, Signal

#: Largest database file taken, bytes.
MAX_DATABASE = 8 << 20


#: Data bytes of a classic CAN frame.
CLASSIC_LENGTH = 8


class DatabaseError(Exception):
    """A database cannot be used; the text says which and why."""


def open_database(path: str) -> Database:
    """Return the database of a DBC file.

    Raises:
        DatabaseError: there is none, or it is broken.
    """
    # Half of python-can and a parser generator come with it.
    from cantools.database import load_string  # noqa: PLC0415
    from cantools.database.can import Database as CanDatabase  # noqa: PLC0415
    from cantools.database.errors import Error  # noqa: PLC0415

    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_DATABASE + 1)
        if len(data) > MAX_DATABASE:
            raise DatabaseError(f"{path}: larger than {MAX_DATABASE} bytes")
        # DBC files are written in the code page of Western Windows.
        found = load_string(data.decode("cp1252"), "dbc")
    except (OSError, UnicodeDecodeError, Error, ValueError) as error:
        raise DatabaseError(f"{path}: {' '.join(str(error).split())}") from None
    if not isinstance(found, CanDatabase):
        raise DatabaseError(f"{path}: it describes no CAN messages")
    return found


def traffic_complaints(spec: TrafficSpec, database: Database, *, fd: bool) -> Iterator[str]:
    """Yield what of the declared traffic the database does not have."""
    known = {message.name: message for message in database.messages}
    for declared in spec.messages:
        message = known.get(declared.name)
        if message is None:
            yield f"message {declared.name} is not in {Path(spec.database).name}"
        else:
            yield from _message_complaints(declared, message, fd=fd)


def _message_complaints(
    declared: TrafficMessageSpec, message: Message, *, fd: bool
) -> Iterator[str]:
    signals = {signal.name: signal for signal in message.signals}
    named = [*declared.signals, declared.counter, declared.checksum]
    for name in named:
        if name is not None and name not in signals:
            yield f"message {declared.name} has no signal {name}"
    if declared.period is None and not message.cycle_time:
        yield f"message {declared.name} needs a period: the database tells none"
    if message.length > CLASSIC_LENGTH and not fd:
        yield f"message {declared.name} has {message.length} bytes and the bus is classic CAN"
    checksum = signals.get(declared.checksum or "")
    if checksum is not None and (checksum.length != 8 or checksum.start % 8 not in {0, 7}):
        yield f"checksum {checksum.name} of message {declared.name} is not one whole byte"


class DatabaseMessage:
    """One periodic message of a database.

    Attributes:
        period: seconds between two.
    """

    def __init__(self, spec: TrafficMessageSpec, message: Message, seed: str) -> None:
        self.period = spec.period or (message.cycle_time or 0) / 1000
        self._spec = spec
        self._message = message
        self._fd = message.is_fd or message.length > CLASSIC_LENGTH
        self._count = 0
        self._waves = {
            name: Wave(wave, f"{seed}/{spec.name}/{name}") for name, wave in spec.signals.items()
        }
        self._signals = {signal.name: signal for signal in message.signals}

    @property
    def key(self) -> str:
        """What tells it apart from the vehicle's other messages."""
        return self._message.name

    def frame(self, now: float) -> CanFrame:
        """Return the frame with the values of ``now``; each call counts as one sent."""
        values = {name: self._value(signal, now) for name, signal in self._signals.items()}
        data = self._encode(values)
        if self._spec.checksum is not None:
            values[self._spec.checksum] = reduce(xor, data)
            data = self._encode(values)
        self._count += 1
        message = self._message
        return CanFrame(
            message.frame_id,
            data,
            extended=message.is_extended_frame,
            fd=self._fd,
            brs=self._fd,
        )

    def _encode(self, values: dict[str, float]) -> bytes:
        # Names and ranges were checked when the traffic was declared.
        return bytes(self._message.encode(values, strict=False))

    def _value(self, signal: Signal, now: float) -> float:
        if signal.name == self._spec.counter:
            return self._count % (1 << signal.length)
        wave = self._waves.get(signal.name)
        if wave is None:
            return 0 if signal.name == self._spec.checksum else _initial(signal)
        return _within(signal, wave.value(now))


def _initial(signal: Signal) -> float:
    initial = signal.initial
    return float(initial) if isinstance(initial, int | float) else _within(signal, 0.0)


def _within(signal: Signal, value: float) -> float:
    """Return the value clipped to what the signal's bits and its declared range hold."""
    lowest, highest = sorted(raw * signal.scale + signal.offset for raw in _raw_range(signal))
    if signal.minimum is not None:
        lowest = max(lowest, signal.minimum)
    if signal.maximum is not None:
        highest = min(highest, signal.maximum)
    return min(max(value, lowest), highest)


def _raw_range(signal: Signal) -> tuple[int, int]:
    if signal.is_signed:
        return -(1 << signal.length - 1), (1 << signal.length - 1) - 1
    return 0, (1 << signal.length) - 1
