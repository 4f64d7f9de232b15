"""Sessions, resets and staying in touch (ISO 14229-1, 10.2, 10.3, 10.7: services 10, 11, 3E)."""

from __future__ import annotations

from firmware_sim.vehicle.control_unit import ControlUnit
from firmware_sim.vehicle.dialogue import Reply, Request

#: Sub-functions of service 11 that these ECUs have: hard reset, key off and on, soft reset.
RESETS = frozenset({0x01, 0x02, 0x03})


def change_session(ecu: ControlUnit, request: Request) -> Reply:
    """Answer service 10 with the times that hold in the new session."""
    request.expect_length(2)
    ecu.change_session(request.sub or 0, request.now)
    return Reply(request.answer(ecu.timing_record))


def reset(ecu: ControlUnit, request: Request) -> Reply:
    """Answer service 11; the ECU resets once the answer has left."""
    request.expect_length(2)
    ecu.reset_pending = True
    return Reply(request.answer())


def tester_present(_ecu: ControlUnit, request: Request) -> Reply:
    """Answer service 3E; that it came is what counts."""
    request.expect_length(2)
    return Reply(request.answer())
