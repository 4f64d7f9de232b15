"""What a fleet's connectors answer: a table in place of a vehicle.

One control unit on one CAN bus, reached by 7E0 and by everybody's 7DF (ISO 15765-4).
"""

from __future__ import annotations

from protocols.link.messages import ExchangeRequest, ExchangeResponse, ExchangeResult
from protocols.link.vehicle import BusInfo, CanTarget, Capabilities, DoipTarget, EcuInfo, Target

REQUEST_ID, RESPONSE_ID, FUNCTIONAL_ID = 0x7E0, 0x7E8, 0x7DF

#: As the portal shows them; the same as those of a connector in a vehicle.
SOFTWARE_VERSION, HARDWARE_VERSION = 100, 1

#: One record for the whole fleet: ten thousand of their own would be megabytes.
CAPABILITIES = Capabilities(
    buses=(BusInfo("can0", "can", 500_000),),
    ecus=(EcuInfo("engine", "can0", REQUEST_ID, RESPONSE_ID),),
    software=SOFTWARE_VERSION,
    hardware=HARDWARE_VERSION,
)

#: Request -> positive answer, or ``None`` where the request asks for none (ISO 14229-1: bit 7 of
#: the sub-function). Sessions: 50 ms and 5 s for P2 and P2*.
_FIXED: dict[bytes, bytes | None] = {
    bytes.fromhex("3E00"): bytes.fromhex("7E00"),
    bytes.fromhex("3E80"): None,
    bytes.fromhex("1001"): bytes.fromhex("5001003201F4"),
    bytes.fromhex("1003"): bytes.fromhex("5003003201F4"),
    bytes.fromhex("1081"): None,
    bytes.fromhex("1083"): None,
}

_READ_VIN, _VIN = bytes.fromhex("22F190"), bytes.fromhex("62F190")

#: 19 02 and a mask: P0130-00, P0301-00 and U0100-00, confirmed (status 08) and one pending (04).
_READ_CODES, _CODES = bytes.fromhex("1902"), bytes.fromhex("5902FF 01300008 03010008 C1000004")

_SERVICE_NOT_SUPPORTED, _REQUEST_OUT_OF_RANGE = 0x11, 0x31


def answer(vin: str, request: bytes) -> bytes | None:
    """Return the control unit's answer; ``None`` where it keeps silent."""
    if request in _FIXED:
        return _FIXED[request]
    if request == _READ_VIN:
        return _VIN + vin.encode("ascii")
    if len(request) == 3 and request.startswith(_READ_CODES):
        return _CODES
    known = request[0] == _READ_VIN[0]
    code = _REQUEST_OUT_OF_RANGE if known else _SERVICE_NOT_SUPPORTED
    return bytes((0x7F, request[0], code))


def result(vin: str, message: ExchangeRequest, now: float) -> ExchangeResult:
    """Return how an exchange went; it takes no time.

    Args:
        vin: of the vehicle.
        message: what the gateway asks for.
        now: the connector's clock, seconds.
    """
    failure = _unreachable(message.target)
    if failure or not message.request:
        return ExchangeResult(message.id, failure=failure or "refused", detail="nobody is there")
    data = answer(vin, message.request)
    stamp = round(now * 1e6)
    responses = () if data is None else (ExchangeResponse(RESPONSE_ID, data, 0, stamp, stamp),)
    return ExchangeResult(message.id, responses)


def refused(message: ExchangeRequest) -> ExchangeResult:
    """Return the answer to somebody who does not hold the lease."""
    detail = "no session with the lease asked for this"
    return ExchangeResult(message.id, failure="refused", detail=detail)


def _unreachable(target: Target) -> str:
    if isinstance(target, DoipTarget):
        return "unknown_ecu"
    if target.bus not in {"", "can0"}:
        return "unknown_bus"
    if isinstance(target, CanTarget) and target.request_id not in {REQUEST_ID, FUNCTIONAL_ID}:
        return "no_response"
    return ""
