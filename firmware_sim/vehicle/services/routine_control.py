"""Starting, stopping and asking for the results of routines (ISO 14229-1, 14.2: service 31).

Answers carry one byte of routine information (`routines.RoutineStatus`), and results after it
once the routine is done.
"""

from __future__ import annotations

from collections.abc import Callable

from udsoncan.ResponseCode import ResponseCode

from firmware_sim.vehicle.control_unit import ControlUnit
from firmware_sim.vehicle.dialogue import Refusal, Reply, Request
from firmware_sim.vehicle.function_spec import RoutineSpec
from firmware_sim.vehicle.routines import RoutineStatus
from firmware_sim.vehicle.services import flash_routines
from firmware_sim.vehicle.services.flash_routines import Outcome

START, STOP, RESULTS = 1, 2, 3


def control(ecu: ControlUnit, request: Request) -> Reply:
    """Answer service 31; checks in the order of ISO 14229-1, figure 30."""
    request.expect_at_least(4)
    routine = ecu.routines.find(request.word_at(2))
    if routine is None or ecu.session not in routine.sessions:
        raise Refusal(ResponseCode.RequestOutOfRange)
    if not ecu.unlocked(routine.security):
        raise Refusal(ResponseCode.SecurityAccessDenied)
    return _ACTIONS[request.sub or 0](ecu, routine, request)


def _start(ecu: ControlUnit, routine: RoutineSpec, request: Request) -> Reply:
    if routine.kind in _FLASH_ROUTINES:
        return _start_on_flash(ecu, routine, request)
    request.expect_length(4 + routine.option_length)
    if ecu.routines.status(routine, request.now) is RoutineStatus.RUNNING:
        raise Refusal(ResponseCode.ConditionsNotCorrect)
    ecu.routines.start(routine, request.now)
    running = RoutineStatus.RUNNING if routine.duration else RoutineStatus.DONE
    return _about(ecu, routine, request, running, work=routine.work)


def _start_on_flash(ecu: ControlUnit, routine: RoutineSpec, request: Request) -> Reply:
    outcome = _FLASH_ROUTINES[routine.kind](ecu, routine, request)
    work = routine.work + outcome.seconds
    ecu.routines.start(routine, request.now, work=work, result=outcome.result)
    return _about(ecu, routine, request, RoutineStatus.DONE, work=work)


def _stop(ecu: ControlUnit, routine: RoutineSpec, request: Request) -> Reply:
    if not routine.stoppable:
        raise Refusal(ResponseCode.SubFunctionNotSupported)
    request.expect_length(4)
    if ecu.routines.status(routine, request.now) is not RoutineStatus.RUNNING:
        raise Refusal(ResponseCode.RequestSequenceError)
    ecu.routines.stop(routine, request.now)
    return _about(ecu, routine, request, RoutineStatus.STOPPED)


def _results(ecu: ControlUnit, routine: RoutineSpec, request: Request) -> Reply:
    request.expect_length(4)
    status = ecu.routines.status(routine, request.now)
    if status is None:
        raise Refusal(ResponseCode.RequestSequenceError)
    return _about(ecu, routine, request, status)


def _about(
    ecu: ControlUnit,
    routine: RoutineSpec,
    request: Request,
    status: RoutineStatus,
    *,
    work: float = 0.0,
) -> Reply:
    result = ecu.routines.result(routine) if status is RoutineStatus.DONE else b""
    return Reply(request.answer(routine.id.to_bytes(2) + bytes([status]) + result), work)


_ACTIONS: dict[int, Callable[[ControlUnit, RoutineSpec, Request], Reply]] = {
    START: _start,
    STOP: _stop,
    RESULTS: _results,
}

#: Routines that act upon flash; whatever they find is their result.
_FLASH_ROUTINES: dict[str, Callable[[ControlUnit, RoutineSpec, Request], Outcome]] = {
    "erase": flash_routines.erase,
    "check": flash_routines.check,
    "dependencies": flash_routines.dependencies,
}
