"""Taking over what an ECU puts out, or what it believes to measure (ISO 14229-1, 13.2: 2F).

What a tester holds is what service 22 reads, until it is given back or the ECU returns to its
default session.
"""

from __future__ import annotations

from collections.abc import Callable

from udsoncan.ResponseCode import ResponseCode

from firmware_sim.vehicle.control_unit import ControlUnit
from firmware_sim.vehicle.data_spec import IdentifierSpec
from firmware_sim.vehicle.dialogue import Refusal, Reply, Request

#: inputOutputControlParameter (ISO 14229-1, annex E.1).
RETURN_CONTROL, RESET_TO_DEFAULT, FREEZE, ADJUST = range(4)

#: Service, identifier, parameter; the control state comes after them.
_HEAD = 4


def control(ecu: ControlUnit, request: Request) -> Reply:
    """Answer service 2F with the state that the identifier is in now."""
    request.expect_at_least(_HEAD)
    number, parameter = request.word_at(1), request.payload[3]
    spec = ecu.identifiers.find(number)
    if spec is None or spec.control is None or not ecu.in_session(spec.control):
        raise Refusal(ResponseCode.RequestOutOfRange)
    if not ecu.unlocked(spec.control.security):
        raise Refusal(ResponseCode.SecurityAccessDenied)
    act = _ACTIONS.get(parameter)
    if act is None:
        raise Refusal(ResponseCode.RequestOutOfRange)
    act(ecu, spec, request)
    state = ecu.identifiers.content(spec, request.now)
    return Reply(request.answer(request.payload[1:_HEAD] + state))


def _return(ecu: ControlUnit, spec: IdentifierSpec, request: Request) -> None:
    request.expect_length(_HEAD)
    ecu.identifiers.release(spec)


def _reset(ecu: ControlUnit, spec: IdentifierSpec, request: Request) -> None:
    request.expect_length(_HEAD)
    ecu.identifiers.hold(spec, ecu.identifiers.declared(spec, 0.0))


def _freeze(ecu: ControlUnit, spec: IdentifierSpec, request: Request) -> None:
    request.expect_length(_HEAD)
    ecu.identifiers.hold(spec, ecu.identifiers.content(spec, request.now))


def _adjust(ecu: ControlUnit, spec: IdentifierSpec, request: Request) -> None:
    state = request.payload[_HEAD:]
    request.expect_length(_HEAD + len(ecu.identifiers.content(spec, request.now)))
    if spec.number is not None and not spec.number.accepts(state):
        raise Refusal(ResponseCode.RequestOutOfRange)
    ecu.identifiers.hold(spec, state)


_ACTIONS: dict[int, Callable[[ControlUnit, IdentifierSpec, Request], None]] = {
    RETURN_CONTROL: _return,
    RESET_TO_DEFAULT: _reset,
    FREEZE: _freeze,
    ADJUST: _adjust,
}
