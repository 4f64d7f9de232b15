"""Declarations of what an ECU tells to OBD testers (SAE J1979, SAE J1979-2)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import msgspec
from typing_extensions import override

from firmware_sim.vehicle.data_spec import SignalSpec
from firmware_sim.vehicle.record import Byte, Hex, Record, Word, twice


class PidSpec(Record, frozen=True, kw_only=True):
    """One OBD parameter of mode 01: fixed bytes or a live value.

    Attributes:
        frozen: mode 02 has it too, with this content.
    """

    pid: Annotated[int, msgspec.Meta(ge=1, le=0xFF)]
    name: str
    hex: Hex | None = None
    live: SignalSpec | None = None
    frozen: Hex | None = None

    @override
    def complaints(self) -> Iterator[str]:
        if (self.hex is None) == (self.live is None):
            yield "say exactly one of hex and live"
        if self.pid % 0x20 == 0:
            yield f"PID {self.pid:02X} is a bitmap; it follows from the others"


class MonitorSpec(Record, frozen=True, kw_only=True):
    """One on-board monitoring test (mode 06): test value with the limits it must keep.

    Attributes:
        mid: on-board diagnostic monitor identifier.
        test: test identifier.
        scaling: unit and scaling identifier (SAE J1979-DA).
        value, low, high: 16 bits each.
    """

    mid: Annotated[int, msgspec.Meta(ge=1, le=0xFF)]
    test: Byte
    scaling: Byte
    value: Word
    low: Word = 0
    high: Word = 0xFFFF

    @override
    def complaints(self) -> Iterator[str]:
        if self.mid % 0x20 == 0:
            yield f"monitor {self.mid:02X} is a bitmap; it follows from the others"
        if self.low > self.high:
            yield f"monitor {self.mid:02X}: low limit {self.low} is above {self.high}"


class OxygenSensorSpec(Record, frozen=True, kw_only=True):
    """One oxygen sensor test result of mode 05: test, sensor and its value, low and high limit."""

    test: Annotated[int, msgspec.Meta(ge=1, le=0xFF)]
    sensor: Byte
    value: Byte
    low: Byte = 0
    high: Byte = 0xFF


class SystemTestSpec(Record, frozen=True, kw_only=True):
    """One system that mode 08 controls, such as 01, the evaporative system's leak test."""

    test: Annotated[int, msgspec.Meta(ge=1, le=0xFF)]
    name: str
    answer: Hex = Hex(5)


class ObdSpec(Record, frozen=True, kw_only=True):
    """What the ECU tells to OBD testers.

    Attributes:
        ecu_name: at most 20 characters (mode 09, 0A).
        calibration_ids: at most 16 characters each (mode 09, 04).
        calibration_numbers: 4 bytes each (mode 09, 06).
        pids: parameters of mode 01; mode 02 has those with frozen content.
        oxygen_sensors: results of mode 05, which K-line and J1850 vehicles have.
        monitors: results of mode 06.
        tests: systems of mode 08.
        uds: it answers OBDonUDS as well: F4xx are the PIDs, F6xx the monitors, F8xx mode 09.
    """

    ecu_name: Annotated[str, msgspec.Meta(max_length=20)]
    calibration_ids: tuple[Annotated[str, msgspec.Meta(max_length=16)], ...]
    calibration_numbers: tuple[Hex, ...] = ()
    pids: tuple[PidSpec, ...]
    oxygen_sensors: tuple[OxygenSensorSpec, ...] = ()
    monitors: tuple[MonitorSpec, ...] = ()
    tests: tuple[SystemTestSpec, ...] = ()
    uds: bool = False

    @override
    def complaints(self) -> Iterator[str]:
        yield from twice("PID", (f"{pid.pid:02X}" for pid in self.pids))
        yield from twice("monitor test", ((item.mid, item.test) for item in self.monitors))
        yield from twice("system test", (item.test for item in self.tests))
        if any(len(number) != 4 for number in self.calibration_numbers):
            yield "a calibration verification number has 4 bytes"
        texts = (self.ecu_name, *self.calibration_ids)
        if not all(text.isascii() for text in texts):
            yield "the ECU's name and calibration ids hold ASCII only"
