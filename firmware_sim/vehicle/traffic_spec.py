"""Declarations of what a vehicle's buses carry by themselves."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from typing_extensions import override

from firmware_sim.vehicle.data_spec import SignalSpec, WaveSpec
from firmware_sim.vehicle.record import CanId, Positive, Record, twice


class BroadcastSpec(Record, frozen=True, kw_only=True):
    """One frame an ECU sends by itself, as long as normal communication is on.

    Attributes:
        ecu: who sends it.
        id: CAN id.
        period: seconds between two of them.
        signals: what it carries, one after the other, padded with 00.
    """

    ecu: str
    id: CanId
    extended: bool = False
    period: Positive
    signals: tuple[SignalSpec, ...]

    @override
    def complaints(self) -> Iterator[str]:
        if sum(signal.length for signal in self.signals) > 8:
            yield f"broadcast {self.id:X} carries more than 8 bytes"


class TrafficMessageSpec(Record, frozen=True, kw_only=True):
    """One message of the vehicle's database that an ECU sends again and again.

    Attributes:
        name: of the message in the database.
        ecu: who sends it.
        period: seconds between two; left out, the database's GenMsgCycleTime.
        signals: how its signals move, by name; the others hold their initial value.
        counter: a signal that counts the frames, and begins again at zero.
        checksum: a signal of one byte that makes the exclusive or of all bytes zero.
    """

    name: str
    ecu: str
    period: Positive | None = None
    signals: dict[str, WaveSpec] = msgspec.field(default_factory=dict)
    counter: str | None = None
    checksum: str | None = None


class TrafficSpec(Record, frozen=True, kw_only=True):
    """What a vehicle's ECUs send by themselves, after a database of messages.

    Attributes:
        database: a DBC file, beside the vehicle's own.
        messages: what of it is sent.
    """

    database: str
    messages: tuple[TrafficMessageSpec, ...]

    @override
    def complaints(self) -> Iterator[str]:
        yield from twice("message", (message.name for message in self.messages))
