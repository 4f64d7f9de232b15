"""Silencing normal traffic and fault detection (ISO 14229-1, 10.5, 10.8: services 28, 85)."""

from __future__ import annotations

from udsoncan.ResponseCode import ResponseCode

from firmware_sim.vehicle.control_unit import ControlUnit
from firmware_sim.vehicle.dialogue import Refusal, Reply, Request

#: Sub-functions of service 28: enable both, disable transmission, disable reception, disable both.
CONTROL_TYPES = frozenset(range(4))

#: Those of them that leave the ECU sending its normal messages.
_SENDING = frozenset({0x00, 0x02})

#: Lower two bits of the communication type: normal messages are bit 0 (ISO 14229-1, table B.1).
_NORMAL_MESSAGES = 0x01

#: Sub-functions of service 85.
SETTING_ON, SETTING_OFF = 1, 2


def control(ecu: ControlUnit, request: Request) -> Reply:
    """Answer service 28."""
    request.expect_length(3)
    kind = request.payload[2]
    if not kind & 0x03:
        raise Refusal(ResponseCode.RequestOutOfRange)
    if kind & _NORMAL_MESSAGES:
        ecu.sends_normally = request.sub in _SENDING
    return Reply(request.answer())


def dtc_setting(ecu: ControlUnit, request: Request) -> Reply:
    """Answer service 85; these ECUs take no option record."""
    request.expect_length(2)
    ecu.faults.setting_on = request.sub == SETTING_ON
    return Reply(request.answer())
