"""Unlocking protected functions by seed and key (ISO 14229-1, 10.4: service 27)."""

from __future__ import annotations

from udsoncan.ResponseCode import ResponseCode

from firmware_sim.vehicle.control_unit import ControlUnit
from firmware_sim.vehicle.dialogue import Refusal, Reply, Request
from firmware_sim.vehicle.function_spec import SecuritySpec
from firmware_sim.vehicle.security import KEY_LENGTH


def access(ecu: ControlUnit, request: Request) -> Reply:
    """Answer service 27: odd sub-functions ask for a seed, the even one after it sends the key."""
    sub = request.sub or 0
    spec = ecu.security_level(sub if sub % 2 else sub - 1)
    if spec is None:
        raise Refusal(ResponseCode.SubFunctionNotSupported)
    if ecu.session not in spec.sessions:
        raise Refusal(ResponseCode.SubFunctionNotSupportedInActiveSession)
    return _seed(ecu, spec, request) if sub % 2 else _key(ecu, spec, request)


def _seed(ecu: ControlUnit, spec: SecuritySpec, request: Request) -> Reply:
    request.expect_length(2)
    return Reply(request.answer(ecu.request_seed(spec, request.now)))


def _key(ecu: ControlUnit, spec: SecuritySpec, request: Request) -> Reply:
    request.expect_length(2 + KEY_LENGTH)
    ecu.check_key(spec, request.payload[2:], request.now)
    return Reply(request.answer())
