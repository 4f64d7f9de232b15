"""Legislated diagnostics (SAE J1979 / ISO 15031-5): modes 01 to 04, 07, 09 and 0A.

Modes 05, 06 and 08 are in `obd_tests`.

An ECU that has nothing to say about what is asked stays silent; there are no negative responses
to functional OBD requests, and none of these refuses more than a wrong length.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from firmware_sim.vehicle.control_unit import ControlUnit
from firmware_sim.vehicle.dialogue import Reply, Request
from firmware_sim.vehicle.fault import CONFIRMED, PENDING, Fault

#: Parameters one mode 01 request may ask for (ISO 15031-5, 7.1), and one mode 02 request.
MAX_PIDS = 6
MAX_FROZEN_PIDS = 3

#: PID of mode 02 that names the trouble code which froze the others.
FREEZE_CODE = 0x02

#: The one freeze frame that these ECUs keep.
FREEZE_FRAME = 0x00

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


def listed(identifier: int, known: set[int], content: Callable[[int], bytes]) -> bytes:
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
        listed(pid, known, lambda number: ecu.pid_content(number, request.now))
        for pid in request.payload[1:]
    ]
    found = b"".join(parts)
    return Reply(request.answer(found)) if found else SILENCE


def freeze_frame(ecu: ControlUnit, request: Request) -> Reply:
    """Answer mode 02 for up to three pairs of parameter and frame number."""
    request.expect_length(*range(3, 3 + 2 * MAX_FROZEN_PIDS, 2))
    content = _frozen(ecu)
    pairs = [request.payload[start : start + 2] for start in range(1, len(request.payload), 2)]
    parts = [_frozen_part(pair[0], pair[1], content) for pair in pairs]
    found = b"".join(parts)
    return Reply(request.answer(found)) if found else SILENCE


def _frozen_part(pid: int, frame: int, content: dict[int, bytes]) -> bytes:
    found = listed(pid, set(content), content.__getitem__) if frame == FREEZE_FRAME else b""
    return found[:1] + bytes([frame]) + found[1:] if found else b""


def _frozen(ecu: ControlUnit) -> dict[int, bytes]:
    """Return what the freeze frame holds by parameter; without a fault only that there is none."""
    causes = [fault for fault in ecu.faults.emissions(CONFIRMED | PENDING) if fault.recorded]
    cause = min(causes, key=lambda fault: fault.first_failed, default=None)
    if cause is None:
        return {FREEZE_CODE: bytes(2)}
    frozen = {pid.pid: bytes(pid.frozen) for pid in ecu.pids.values() if pid.frozen is not None}
    return {FREEZE_CODE: cause.number.to_bytes(3)[:2], **frozen}


def vehicle_information(ecu: ControlUnit, request: Request) -> Reply:
    """Answer mode 09."""
    request.expect_length(2)
    content = information(ecu)
    found = listed(request.payload[1], set(content), content.__getitem__)
    return Reply(request.answer(found)) if found else SILENCE


def information(ecu: ControlUnit) -> dict[int, bytes]:
    """Return every information type: number of items first, then the items."""
    kinds = information_items(ecu).items()
    return {kind: bytes([len(items)]) + b"".join(items) for kind, items in kinds if items}


def information_items(ecu: ControlUnit) -> dict[int, list[bytes]]:
    """Return the items of every information type of mode 09."""
    obd = ecu.spec.obd
    if obd is None:
        return {}
    return {
        VIN: [ecu.vin.encode("ascii")],
        CALIBRATION_IDS: [name.encode("ascii").ljust(16, b"\0") for name in obd.calibration_ids],
        CALIBRATION_NUMBERS: [bytes(number) for number in obd.calibration_numbers],
        ECU_NAME: [obd.ecu_name.encode("ascii").ljust(20, b"\0")],
    }


def confirmed_codes(ecu: ControlUnit, request: Request) -> Reply:
    """Answer mode 03: emission-related codes that are confirmed."""
    request.expect_length(1)
    return Reply(request.answer(_codes(ecu.faults.emissions(CONFIRMED))))


def pending_codes(ecu: ControlUnit, request: Request) -> Reply:
    """Answer mode 07: emission-related codes found in this or the last driving cycle."""
    request.expect_length(1)
    return Reply(request.answer(_codes(ecu.faults.emissions(PENDING))))


def permanent_codes(ecu: ControlUnit, request: Request) -> Reply:
    """Answer mode 0A: emission-related codes that clearing does not take away."""
    request.expect_length(1)
    found = [fault for fault in ecu.faults.permanent() if fault.spec.emissions]
    return Reply(request.answer(_codes(found)))


def _codes(faults: list[Fault]) -> bytes:
    """Return the number of codes and two bytes for each: OBD has no failure type."""
    return bytes([len(faults)]) + b"".join(fault.number.to_bytes(3)[:2] for fault in faults)


def clear_codes(ecu: ControlUnit, request: Request) -> Reply:
    """Answer mode 04."""
    request.expect_length(1)
    ecu.clear_emissions(request.now)
    return Reply(request.answer(), work=ecu.spec.timing.clear)
