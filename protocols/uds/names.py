"""Services and negative response codes by name, and negative answers taken apart.

Names come from udsoncan, spelled as ISO 14229-1 spells them.
"""

from __future__ import annotations

from functools import cache

from udsoncan.BaseService import BaseService
from udsoncan.ResponseCode import ResponseCode

#: First byte of every negative answer (ISO 14229-1, 8.2.3).
NEGATIVE_RESPONSE = 0x7F
#: What an answer adds to the service id of its request.
RESPONSE_OFFSET = 0x40

BUSY_REPEAT_REQUEST = ResponseCode.BusyRepeatRequest
RESPONSE_PENDING = ResponseCode.RequestCorrectlyReceived_ResponsePending
TEMPORARILY_NOT_AVAILABLE = ResponseCode.ResourceTemporarilyNotAvailable

#: SAE J1979 / ISO 15031-5; udsoncan knows UDS alone.
_OBD_SERVICES = {
    0x01: "RequestCurrentPowertrainDiagnosticData",
    0x02: "RequestPowertrainFreezeFrameData",
    0x03: "RequestEmissionRelatedDiagnosticTroubleCodes",
    0x04: "ClearEmissionRelatedDiagnosticInformation",
    0x05: "RequestOxygenSensorMonitoringTestResults",
    0x06: "RequestOnBoardMonitoringTestResults",
    0x07: "RequestPendingDiagnosticTroubleCodes",
    0x08: "RequestControlOfOnBoardSystem",
    0x09: "RequestVehicleInformation",
    0x0A: "RequestPermanentDiagnosticTroubleCodes",
}


@cache
def _code_names() -> dict[int, str]:
    """Return the names of all codes; of several for one code the first, ISO 14229-1's own."""
    names: dict[int, str] = {}
    for name, code in vars(ResponseCode).items():
        if isinstance(code, int):
            names.setdefault(code, name[0].lower() + name[1:].replace("_", "-"))
    return names


def negative_response_name(code: int) -> str:
    """Return a code's name (``requestOutOfRange``), or ``nrc 0x..`` for one without a name."""
    return _code_names().get(code, f"nrc {code:#04x}")


@cache
def service_name(sid: int) -> str:
    """Return a request service's name (``ReadDataByIdentifier``), or ``service 0x..``."""
    known = BaseService.from_request_id(sid)
    return known.get_name() if known else _OBD_SERVICES.get(sid, f"service {sid:#04x}")


def is_negative(payload: bytes) -> bool:
    """Tell whether a payload is a complete negative answer."""
    return len(payload) >= 3 and payload[0] == NEGATIVE_RESPONSE


def negative(payload: bytes) -> tuple[int, int, str] | None:
    """Return ``(service id, code, name of the code)`` of a negative answer, otherwise ``None``."""
    if not is_negative(payload):
        return None
    return payload[1], payload[2], negative_response_name(payload[2])
