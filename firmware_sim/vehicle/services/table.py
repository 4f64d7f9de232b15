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
from udsoncan.services.DynamicallyDefineDataIdentifier import DynamicallyDefineDataIdentifier
from udsoncan.services.ECUReset import ECUReset
from udsoncan.services.InputOutputControlByIdentifier import InputOutputControlByIdentifier
from udsoncan.services.ReadDataByIdentifier import ReadDataByIdentifier
from udsoncan.services.ReadDataByPeriodicIdentifier import ReadDataByPeriodicIdentifier
from udsoncan.services.ReadDTCInformation import ReadDTCInformation
from udsoncan.services.ReadMemoryByAddress import ReadMemoryByAddress
from udsoncan.services.RequestDownload import RequestDownload
from udsoncan.services.RequestTransferExit import RequestTransferExit
from udsoncan.services.RequestUpload import RequestUpload
from udsoncan.services.RoutineControl import RoutineControl
from udsoncan.services.SecurityAccess import SecurityAccess
from udsoncan.services.TesterPresent import TesterPresent
from udsoncan.services.TransferData import TransferData
from udsoncan.services.WriteDataByIdentifier import WriteDataByIdentifier
from udsoncan.services.WriteMemoryByAddress import WriteMemoryByAddress

from firmware_sim.vehicle.control_unit import ControlUnit
from firmware_sim.vehicle.dialogue import SUPPRESS, Refusal, Reply, Request
from firmware_sim.vehicle.services import (
    communication,
    data_transmission,
    dynamic_definition,
    input_output,
    memory_access,
    obd,
    obd_tests,
    periodic_data,
    routine_control,
    security_access,
    session_control,
    stored_data,
    upload_download,
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


def _has_controls(ecu: ControlUnit) -> object:
    return any(item.control is not None for item in ecu.spec.identifiers)


def _has_memory(ecu: ControlUnit) -> object:
    return ecu.memory


def _has_readable_memory(ecu: ControlUnit) -> object:
    return any(region.read is not None for region in ecu.spec.memory)


def _has_writable_memory(ecu: ControlUnit) -> object:
    return any(region.write is not None for region in ecu.spec.memory)


def _is_programmable(ecu: ControlUnit) -> object:
    return ecu.flash.spec


def _is_obd(ecu: ControlUnit) -> object:
    # The boot loader knows no legislated diagnostics.
    return ecu.spec.obd and not ecu.flash.boot_only


def _has_oxygen_sensors(ecu: ControlUnit) -> object:
    return _is_obd(ecu) and ecu.spec.obd is not None and ecu.spec.obd.oxygen_sensors


def _has_monitors(ecu: ControlUnit) -> object:
    return _is_obd(ecu) and ecu.spec.obd is not None and ecu.spec.obd.monitors


def _has_system_tests(ecu: ControlUnit) -> object:
    return _is_obd(ecu) and ecu.spec.obd is not None and ecu.spec.obd.tests


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
    DynamicallyDefineDataIdentifier.request_id(): Service(
        dynamic_definition.define,
        subs=_always(dynamic_definition.SUB_FUNCTIONS),
        there=lambda ecu: ecu.spec.dynamic_identifiers,
    ),
    ReadDataByPeriodicIdentifier.request_id(): Service(
        periodic_data.schedule,
        there=lambda ecu: ecu.spec.dynamic_identifiers,
        default_session=False,
    ),
    InputOutputControlByIdentifier.request_id(): Service(
        input_output.control, there=_has_controls, default_session=False
    ),
    ReadMemoryByAddress.request_id(): Service(memory_access.read, there=_has_readable_memory),
    WriteMemoryByAddress.request_id(): Service(
        memory_access.write, there=_has_writable_memory, default_session=False
    ),
    RequestDownload.request_id(): Service(
        upload_download.request_download, there=_is_programmable, default_session=False
    ),
    RequestUpload.request_id(): Service(
        upload_download.request_upload, there=_has_readable_memory, default_session=False
    ),
    TransferData.request_id(): Service(
        upload_download.transfer_data, there=_has_memory, default_session=False
    ),
    RequestTransferExit.request_id(): Service(
        upload_download.request_transfer_exit, there=_has_memory, default_session=False
    ),
    # SAE J1979 modes; udsoncan knows UDS only.
    0x01: Service(obd.current_data, there=_is_obd),
    0x02: Service(obd.freeze_frame, there=_is_obd),
    0x03: Service(obd.confirmed_codes, there=_is_obd),
    0x04: Service(obd.clear_codes, there=_is_obd),
    0x05: Service(obd_tests.oxygen_sensors, there=_has_oxygen_sensors),
    0x06: Service(obd_tests.monitors, there=_has_monitors),
    0x07: Service(obd.pending_codes, there=_is_obd),
    0x08: Service(obd_tests.control, there=_has_system_tests),
    0x09: Service(obd.vehicle_information, there=_is_obd),
    0x0A: Service(obd.permanent_codes, there=_is_obd),
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
