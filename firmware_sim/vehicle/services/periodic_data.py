"""Data that the ECU sends by itself on request (ISO 14229-1, 11.5: service 2A).

Periodic identifiers are F200 to F2FF, named by their low byte; testers define them by service 2C,
or the vehicle's file declares them. What is sent carries the service: 6A, identifier, content.
"""

from __future__ import annotations

from udsoncan.ResponseCode import ResponseCode

from firmware_sim.vehicle.control_unit import ControlUnit
from firmware_sim.vehicle.dialogue import POSITIVE, Refusal, Reply, Request
from firmware_sim.vehicle.periodic import RATES, STOP
from firmware_sim.vehicle.services.data_transmission import read_one

SERVICE = 0x2A

#: High byte of all periodic identifiers.
FAMILY = 0xF200


def schedule(ecu: ControlUnit, request: Request) -> Reply:
    """Answer service 2A: start identifiers at a rate, or stop some or all."""
    request.expect_at_least(2)
    mode, numbers = request.payload[1], tuple(request.payload[2:])
    if mode == STOP:
        ecu.periodic.stop(numbers)
        return Reply(request.answer())
    request.expect_at_least(3)
    known = [number for number in numbers if read_one(ecu, FAMILY | number, request.now)]
    if mode not in RATES or len(known) < len(numbers):
        raise Refusal(ResponseCode.RequestOutOfRange)
    if not ecu.periodic.start(numbers, mode, request.now):
        raise Refusal(ResponseCode.RequestOutOfRange)
    return Reply(request.answer())


def due_messages(ecu: ControlUnit, now: float) -> list[bytes]:
    """Return what the ECU has to send by itself now; what is locked meanwhile is left out."""
    messages = []
    for number in ecu.periodic.take_due(now):
        try:
            found = read_one(ecu, FAMILY | number, now)
        except Refusal:
            continue
        if found:
            messages.append(bytes([SERVICE + POSITIVE]) + found[1:])
    return messages
