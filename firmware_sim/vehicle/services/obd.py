"""Legislated diagnostics (SAE J1979 / ISO 15031-5): modes 01, 03, 04, 07 and 09.

An ECU that has nothing to say about what is asked stays silent; there are no negative responses
to functional OBD requests, and none of these refuses more than a wrong length.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from firmware_sim.vehicle.control_unit import ControlUnit
from firmware_sim.vehicle.dialogue import Reply, Request
from firmware_sim.vehicle.faults import CONFIRMED, PENDING, Fault

#: Parameters one mode 01 request may ask for (ISO 15031-5, 7.1).
MAX_PIDS = 6

VIN, CALIBRATION_IDS, CALIBRATION_NUMBERS, ECU_NAME = 0x02, 0x04, 0x06, 0x0A

SILENCE = Reply(b"")


def bitmap(start: int, known: Iterable[int]) -> bytes:
    """Return four bytes that say which of the 32 numbers after ``start`` are known.

    The last bit is the next bitmap: set where any number beyond it is known.
    """
    numbers = set(known)
    bits = 0
    for place in range(1, 33):
        if start + place in numbers:
            bits |= 1 << (32 - place)
    if any(number > start + 0x20 for number in numbers):
        bits |= 1
    return bits.to_bytes(4)


def _answer(identifier: int, known: set[int], content: Callable[[int], bytes]) -> bytes:
    """Return one identifier with its content, or nothing where it is unknown."""
    if identifier % 0x20:
        return bytes([identifier]) + content(identifier) if identifier in known else b""
    supported = identifier == 0 or any(number > identifier for number in known)
    return bytes([identifier]) + bitmap(identifier, known) if supported else b""


def current_data(ecu: ControlUnit, request: Request) -> Reply:
    """Answer mode 01 for up to six parameters."""
    request.expect_length(*range(2, 2 + MAX_PIDS))
    known = set(ecu.pids)
    parts = [
        _answer(pid, known, lambda number: ecu.pid_content(number, request.now))
        for pid in request.payload[1:]
    ]
    found = b"".join(parts)
    return Reply(request.answer(found)) if found else SILENCE


def vehicle_information(ecu: ControlUnit, request: Request) -> Reply:
    """Answer mode 09."""
    request.expect_length(2)
    content = _information(ecu)
    found = _answer(request.payload[1], set(content), content.__getitem__)
    return Reply(request.answer(found)) if found else SILENCE


def _information(ecu: ControlUnit) -> dict[int, bytes]:
    """Return every information type: number of items first, then the items."""
    obd = ecu.spec.obd
    if obd is None:
        return {}
    names = [name.encode("ascii").ljust(16, b"\0") for name in obd.calibration_ids]
    numbers = [bytes(number) for number in obd.calibration_numbers]
    lists = {
        VIN: [ecu.vin.encode("ascii")],
        CALIBRATION_IDS: names,
        CALIBRATION_NUMBERS: numbers,
        ECU_NAME: [obd.ecu_name.encode("ascii").ljust(20, b"\0")],
    }
    return {kind: bytes([len(items)]) + b"".join(items) for kind, items in lists.items() if items}


def confirmed_codes(ecu: ControlUnit, request: Request) -> Reply:
    """Answer mode 03: emission-related codes that are confirmed."""
    request.expect_length(1)
    return Reply(request.answer(_codes(ecu.faults.emissions(CONFIRMED))))


def pending_codes(ecu: ControlUnit, request: Request) -> Reply:
    """Answer mode 07: emission-related codes found in this or the last driving cycle."""
    request.expect_length(1)
    return Reply(request.answer(_codes(ecu.faults.emissions(PENDING))))


def _codes(faults: list[Fault]) -> bytes:
    """Return the number of codes and two bytes for each: OBD has no failure type."""
    return bytes([len(faults)]) + b"".join(fault.number.to_bytes(3)[:2] for fault in faults)


def clear_codes(ecu: ControlUnit, request: Request) -> Reply:
    """Answer mode 04."""
    request.expect_length(1)
    ecu.clear_emissions(request.now)
    return Reply(request.answer(), work=ecu.spec.timing.clear)
