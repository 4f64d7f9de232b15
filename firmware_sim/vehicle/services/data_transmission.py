"""Reading and writing data by identifier (ISO 14229-1, clause 11: services 22 and 2E)."""

from __future__ import annotations

from udsoncan.ResponseCode import ResponseCode

from firmware_sim.vehicle.control_unit import ControlUnit
from firmware_sim.vehicle.data_spec import IdentifierSpec
from firmware_sim.vehicle.dialogue import Refusal, Reply, Request
from firmware_sim.vehicle.services import dynamic_definition, obd_on_uds
from firmware_sim.vehicle.vin import is_vin

#: activeDiagnosticSessionDataIdentifier: every ECU has it (ISO 14229-1, table C.1).
ACTIVE_SESSION = 0xF186

#: Identifiers one request may ask for; more is refused as the standard's maximum length check.
MAX_IDENTIFIERS = 16

#: Writing to non-volatile memory takes this long, seconds.
WRITE_TIME = 0.03


def read(ecu: ControlUnit, request: Request) -> Reply:
    """Answer service 22 for one or many identifiers."""
    request.expect_length(*range(3, 3 + 2 * MAX_IDENTIFIERS, 2))
    wanted = [request.word_at(offset) for offset in range(1, len(request.payload), 2)]
    parts = [part for number in wanted if (part := read_one(ecu, number, request.now))]
    if not parts:
        raise Refusal(ResponseCode.RequestOutOfRange)
    return Reply(request.answer(b"".join(parts)))


def read_one(ecu: ControlUnit, number: int, now: float) -> bytes:
    """Return identifier and content, or nothing where the ECU does not know it here.

    Raises:
        Refusal: 33, it is protected.
    """
    if number == ACTIVE_SESSION:
        return number.to_bytes(2) + bytes([ecu.session])
    spec = ecu.identifiers.find(number)
    if spec is None:
        return _read_other(ecu, number, now)
    if spec.sessions and ecu.session not in spec.sessions:
        return b""
    if not ecu.unlocked(spec.security):
        # One protected identifier refuses the whole request (ISO 14229-1, 11.2.4).
        raise Refusal(ResponseCode.SecurityAccessDenied)
    return number.to_bytes(2) + ecu.identifiers.content(spec, now)


def _read_other(ecu: ControlUnit, number: int, now: float) -> bytes:
    """Read what was not declared as an identifier: OBDonUDS, and what testers defined."""
    for source in (obd_on_uds.content, dynamic_definition.content):
        found = source(ecu, number, now)
        if found is not None:
            return number.to_bytes(2) + found
    return b""


def write(ecu: ControlUnit, request: Request) -> Reply:
    """Answer service 2E; checks in the order of ISO 14229-1, figure 21."""
    request.expect_at_least(4)
    number = request.word_at(1)
    content = request.payload[3:]
    spec = ecu.identifiers.find(number)
    if spec is None or spec.write is None or not ecu.in_session(spec.write):
        raise Refusal(ResponseCode.RequestOutOfRange)
    if not ecu.unlocked(spec.write.security):
        raise Refusal(ResponseCode.SecurityAccessDenied)
    request.expect_length(3 + len(ecu.identifiers.content(spec, request.now)))
    if not _is_acceptable(spec, content):
        raise Refusal(ResponseCode.RequestOutOfRange)
    ecu.identifiers.write(spec, content)
    ecu.flash.written(number)
    return Reply(request.answer(number.to_bytes(2)), work=WRITE_TIME)


def _is_acceptable(spec: IdentifierSpec, content: bytes) -> bool:
    if spec.vin:
        return is_vin(content.decode("latin-1"))
    if spec.number is not None:
        return spec.number.accepts(content)
    if not all(rule.accepts(content) for rule in spec.coding):
        return False
    return spec.text is None or content.isascii()
