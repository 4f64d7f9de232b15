"""Which services an ECU has, what each of them needs, and who answers.

The order of the checks is that of ISO 14229-1, figures 5 and 6: service known, allowed in this
session, sub-function there, sub-function known, in this session; the rest is the service's own.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from udsoncan.ResponseCode import ResponseCode
from udsoncan.services.ClearDiagnosticInformation import ClearDiagnosticInformation
from udsoncan.services.CommunicationControl import CommunicationControl
from udsoncan.services.ControlDTCSetting import ControlDTCSetting
from udsoncan.services.DiagnosticSessionControl import DiagnosticSessionControl
from udsoncan.services.ECUReset import ECUReset
from udsoncan.services.ReadDataByIdentifier import ReadDataByIdentifier
from udsoncan.services.ReadDTCInformation import ReadDTCInformation
from udsoncan.services.RoutineControl import RoutineControl
from udsoncan.services.SecurityAccess import SecurityAccess
from udsoncan.services.TesterPresent import TesterPresent
from udsoncan.services.WriteDataByIdentifier import WriteDataByIdentifier

from firmware_sim.vehicle.control_unit import ControlUnit
from firmware_sim.vehicle.dialogue import SUPPRESS, Refusal, Reply, Request
from firmware_sim.vehicle.services import (
    communication,
    data_transmission,
    obd,
    routine_control,
    security_access,
    session_control,
    stored_data,
)

DEFAULT_SESSION = 1


@dataclass(frozen=True, slots=True)
class Service:
    """One row of the table.

    Attributes:
        answer: who answers.
        subs: sub-functions the ECU has; ``None`` where the service has none at all.
        there: whether the ECU has the service; all ECUs have it where left out.
        default_session: it can be used in the default session too.
    """

    answer: Callable[[ControlUnit, Request], Reply]
    subs: Callable[[ControlUnit], Collection[int]] | None = None
    there: Callable[[ControlUnit], object] = lambda _ecu: True
    default_session: bool = True


def _always(subs: Collection[int]) -> Callable[[ControlUnit], Collection[int]]:
    return lambda _ecu: subs


def _levels(ecu: ControlUnit) -> Collection[int]:
    return {sub for level in ecu.spec.security for sub in (level.level, level.level + 1)}


def _is_obd(ecu: ControlUnit) -> object:
    return ecu.spec.obd


_TABLE: dict[int, Service] = {
    DiagnosticSessionControl.request_id(): Service(
        session_control.change_session, subs=lambda ecu: ecu.spec.sessions
    ),
    ECUReset.request_id(): Service(session_control.reset, subs=_always(session_control.RESETS)),
    ClearDiagnosticInformation.request_id(): Service(stored_data.clear),
    ReadDTCInformation.request_id(): Service(
        stored_data.read, subs=_always(stored_data.SUB_FUNCTIONS)
    ),
    ReadDataByIdentifier.request_id(): Service(data_transmission.read),
    SecurityAccess.request_id(): Service(
        security_access.access,
        subs=_levels,
        there=lambda ecu: ecu.spec.security,
        default_session=False,
    ),
    CommunicationControl.request_id(): Service(
        communication.control, subs=_always(communication.CONTROL_TYPES), default_session=False
    ),
    WriteDataByIdentifier.request_id(): Service(data_transmission.write, default_session=False),
    RoutineControl.request_id(): Service(
        routine_control.control,
        subs=_always({routine_control.START, routine_control.STOP, routine_control.RESULTS}),
        there=lambda ecu: ecu.routines,
    ),
    TesterPresent.request_id(): Service(session_control.tester_present, subs=_always({0})),
    ControlDTCSetting.request_id(): Service(
        communication.dtc_setting,
        subs=_always({communication.SETTING_ON, communication.SETTING_OFF}),
        default_session=False,
    ),
    # SAE J1979 modes; udsoncan knows UDS only.
    0x01: Service(obd.current_data, there=_is_obd),
    0x03: Service(obd.confirmed_codes, there=_is_obd),
    0x04: Service(obd.clear_codes, there=_is_obd),
    0x07: Service(obd.pending_codes, there=_is_obd),
    0x09: Service(obd.vehicle_information, there=_is_obd),
}


def has_sub_function(service: int) -> bool:
    """Tell whether a service of these ECUs has sub-functions, and so a suppress bit."""
    row = _TABLE.get(service)
    return row is not None and row.subs is not None


def perform(ecu: ControlUnit, payload: bytes, now: float) -> Reply:
    """Check what all services have in common, then let the service answer.

    Raises:
        Refusal: the ECU refuses, with the code to say so.
    """
    row = _TABLE.get(payload[0])
    if row is None or not row.there(ecu):
        raise Refusal(ResponseCode.ServiceNotSupported)
    if ecu.session == DEFAULT_SESSION and not row.default_session:
        raise Refusal(ResponseCode.ServiceNotSupportedInActiveSession)
    if row.subs is None:
        return row.answer(ecu, Request(payload, now))
    request = Request(payload, now, payload[1] & ~SUPPRESS if len(payload) > 1 else None)
    request.expect_at_least(2)
    if request.sub not in row.subs(ecu):
        raise Refusal(ResponseCode.SubFunctionNotSupported)
    return row.answer(ecu, request)
