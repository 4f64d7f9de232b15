"""Results of the ECU's own tests, and systems to control (SAE J1979, modes 05, 06 and 08)."""

from __future__ import annotations

import struct

from firmware_sim.vehicle.control_unit import ControlUnit
from firmware_sim.vehicle.dialogue import Reply, Request
from firmware_sim.vehicle.obd_spec import MonitorSpec, ObdSpec
from firmware_sim.vehicle.services.obd import SILENCE, bitmap, listed

#: Data bytes that mode 08 may carry behind its test identifier.
MAX_TEST_DATA = 5


def oxygen_sensors(ecu: ControlUnit, request: Request) -> Reply:
    """Answer mode 05: test, sensor, then value and limits; test 00 tells which there are."""
    request.expect_length(3)
    test, sensor = request.payload[1:]
    results = {
        item.test: bytes([item.value, item.low, item.high])
        for item in _obd(ecu).oxygen_sensors
        if item.sensor == sensor
    }
    found = listed(test, set(results), results.__getitem__) if results else b""
    return Reply(request.answer(found[:1] + bytes([sensor]) + found[1:])) if found else SILENCE


def monitors(ecu: ControlUnit, request: Request) -> Reply:
    """Answer mode 06: every test of one monitor; monitor 00 tells which there are."""
    request.expect_length(2)
    found = monitor_content(ecu, request.payload[1])
    return Reply(request.answer(found)) if found else SILENCE


def monitor_content(ecu: ControlUnit, number: int) -> bytes:
    """Return the tests of a monitor, each with its number before it; nothing if unknown."""
    declared = _obd(ecu).monitors
    known = {item.mid for item in declared}
    if number % 0x20 == 0:
        return bytes([number]) + bitmap(number, known) if known else b""
    return b"".join(_test_of(item) for item in declared if item.mid == number)


def _test_of(item: MonitorSpec) -> bytes:
    limits = (item.value, item.low, item.high)
    return struct.pack(">BBBHHH", item.mid, item.test, item.scaling, *limits)


def control(ecu: ControlUnit, request: Request) -> Reply:
    """Answer mode 08; test 00 tells which systems there are."""
    request.expect_length(*range(2, 3 + MAX_TEST_DATA))
    answers = {item.test: bytes(item.answer) for item in _obd(ecu).tests}
    found = listed(request.payload[1], set(answers), answers.__getitem__) if answers else b""
    return Reply(request.answer(found)) if found else SILENCE


def _obd(ecu: ControlUnit) -> ObdSpec:
    if ecu.spec.obd is None:
        raise LookupError(f"ECU {ecu.spec.name} has no OBD")
    return ecu.spec.obd
