"""Reading and clearing the fault memory (ISO 14229-1, clause 12: services 14 and 19)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from udsoncan.ResponseCode import ResponseCode

from firmware_sim.vehicle.control_unit import ControlUnit
from firmware_sim.vehicle.dialogue import Refusal, Reply, Request
from firmware_sim.vehicle.fault import Fault
from firmware_sim.vehicle.fault_spec import SnapshotSpec

#: DTCFormatIdentifier: ISO 14229-1 (table D.9).
FORMAT_ISO_14229_1 = 0x01

#: Likewise SAE J2012-DA for WWH-OBD, in the answers to 42 and 55.
FORMAT_SAE_J2012_WWH = 0x04

#: FunctionalGroupIdentifier of the emissions system (annex D.5).
EMISSIONS_SYSTEM = 0x33

#: DTCSeverityAvailabilityMask: the three severities of annex D.3.
SEVERITIES = 0xE0

#: Record numbers that stand for many (ISO 14229-1, 12.3.2).
ALL_RECORDS = 0xFF
ALL_OBD_RECORDS = 0xFE

#: OBD extended data records have these numbers.
_OBD_RECORDS = range(0x90, 0xF0)


def clear(ecu: ControlUnit, request: Request) -> Reply:
    """Answer service 14: clear a group of trouble codes, or one."""
    request.expect_length(4)
    group = int.from_bytes(request.payload[1:4])
    if not ecu.faults.clear(group, request.now):
        raise Refusal(ResponseCode.RequestOutOfRange)
    return Reply(request.answer(), work=ecu.spec.timing.clear)


def read(ecu: ControlUnit, request: Request) -> Reply:
    """Answer service 19."""
    length, report = _REPORTS[request.sub or 0]
    request.expect_length(length)
    return Reply(request.answer(report(ecu, request)))


def _count(ecu: ControlUnit, request: Request) -> bytes:
    found = ecu.faults.matching(request.payload[2])
    return bytes([ecu.faults.available, FORMAT_ISO_14229_1]) + len(found).to_bytes(2)


def _by_status(ecu: ControlUnit, request: Request) -> bytes:
    return _listed(ecu, ecu.faults.matching(request.payload[2]))


def _count_by_severity(ecu: ControlUnit, request: Request) -> bytes:
    found = ecu.faults.matching(request.payload[3], request.payload[2])
    return bytes([ecu.faults.available, FORMAT_ISO_14229_1]) + len(found).to_bytes(2)


def _by_severity(ecu: ControlUnit, request: Request) -> bytes:
    found = ecu.faults.matching(request.payload[3], request.payload[2])
    return bytes([ecu.faults.available]) + b"".join(_with_severity(ecu, each) for each in found)


def _severity_of_one(ecu: ControlUnit, request: Request) -> bytes:
    fault = ecu.faults.find(int.from_bytes(request.payload[2:5]))
    if fault is None:
        raise Refusal(ResponseCode.RequestOutOfRange)
    return bytes([ecu.faults.available]) + _with_severity(ecu, fault)


def _with_severity(ecu: ControlUnit, fault: Fault) -> bytes:
    return bytes([fault.spec.severity, fault.spec.unit]) + _code_and_status(ecu, fault)


def _first_failed(ecu: ControlUnit, _request: Request) -> bytes:
    return _listed(ecu, [fault for fault in [ecu.faults.first_failed()] if fault])


def _last_failed(ecu: ControlUnit, _request: Request) -> bytes:
    return _listed(ecu, [fault for fault in [ecu.faults.last_failed()] if fault])


def _first_confirmed(ecu: ControlUnit, _request: Request) -> bytes:
    return _listed(ecu, ecu.faults.confirmed()[:1])


def _last_confirmed(ecu: ControlUnit, _request: Request) -> bytes:
    return _listed(ecu, ecu.faults.confirmed()[-1:])


def _prefailed(ecu: ControlUnit, request: Request) -> bytes:
    found = ecu.faults.prefailed(request.now)
    return b"".join(fault.number.to_bytes(3) + bytes([counter]) for fault, counter in found)


def _permanent(ecu: ControlUnit, _request: Request) -> bytes:
    return _listed(ecu, ecu.faults.permanent())


def _emissions_by_status(ecu: ControlUnit, request: Request) -> bytes:
    """Answer 42 for the emissions system group, which is the only one here (annex D.5)."""
    group, status, severities = request.payload[2:5]
    _expect_emissions_group(group)
    found = [fault for fault in ecu.faults.matching(status, severities) if fault.spec.emissions]
    head = bytes([group, ecu.faults.available, SEVERITIES, FORMAT_SAE_J2012_WWH])
    return head + b"".join(
        bytes([fault.spec.severity]) + _code_and_status(ecu, fault) for fault in found
    )


def _permanent_emissions(ecu: ControlUnit, request: Request) -> bytes:
    _expect_emissions_group(request.payload[2])
    found = [fault for fault in ecu.faults.permanent() if fault.spec.emissions]
    head = bytes([request.payload[2], ecu.faults.available, FORMAT_SAE_J2012_WWH])
    return head + b"".join(_code_and_status(ecu, fault) for fault in found)


def _expect_emissions_group(group: int) -> None:
    if group != EMISSIONS_SYSTEM:
        raise Refusal(ResponseCode.RequestOutOfRange)


def _supported(ecu: ControlUnit, _request: Request) -> bytes:
    return _listed(ecu, ecu.faults.all())


def _listed(ecu: ControlUnit, faults: Iterable[Fault]) -> bytes:
    codes = b"".join(_code_and_status(ecu, fault) for fault in faults)
    return bytes([ecu.faults.available]) + codes


def _code_and_status(ecu: ControlUnit, fault: Fault) -> bytes:
    return fault.number.to_bytes(3) + bytes([ecu.faults.status_of(fault)])


def _snapshot_identification(ecu: ControlUnit, _request: Request) -> bytes:
    return b"".join(
        fault.number.to_bytes(3) + bytes([snapshot.record])
        for fault in ecu.faults.all()
        if fault.recorded
        for snapshot in fault.spec.snapshots
    )


def _snapshots(ecu: ControlUnit, request: Request) -> bytes:
    fault, record = _fault_and_record(ecu, request)
    declared = fault.spec.snapshots
    if record != ALL_RECORDS and record not in {snapshot.record for snapshot in declared}:
        raise Refusal(ResponseCode.RequestOutOfRange)
    chosen = [item for item in declared if fault.recorded and record in {ALL_RECORDS, item.record}]
    return _code_and_status(ecu, fault) + b"".join(map(_snapshot, chosen))


def _snapshot(snapshot: SnapshotSpec) -> bytes:
    """Return record number, number of identifiers, and each identifier with its content."""
    values = [number.to_bytes(2) + content for number, content in snapshot.values.items()]
    return bytes([snapshot.record, len(values)]) + b"".join(values)


def _extended_data(ecu: ControlUnit, request: Request) -> bytes:
    fault, record = _fault_and_record(ecu, request)
    declared = [item.record for item in fault.spec.extended]
    if record == ALL_RECORDS:
        chosen = declared
    elif record == ALL_OBD_RECORDS:
        chosen = [number for number in declared if number in _OBD_RECORDS]
    elif record in declared:
        chosen = [record]
    else:
        raise Refusal(ResponseCode.RequestOutOfRange)
    stored = chosen if fault.recorded else []
    records = b"".join(
        bytes([number]) + _extended_content(ecu, fault, number, request) for number in stored
    )
    return _code_and_status(ecu, fault) + records


def _extended_by_record(ecu: ControlUnit, request: Request) -> bytes:
    """Answer 16: one record of every code that has it."""
    record = request.payload[2]
    holders = [
        fault
        for fault in ecu.faults.all()
        if any(item.record == record for item in fault.spec.extended)
    ]
    if not holders:
        raise Refusal(ResponseCode.RequestOutOfRange)
    return bytes([record]) + b"".join(
        _code_and_status(ecu, fault) + _extended_content(ecu, fault, record, request)
        for fault in holders
        if fault.recorded
    )


def _extended_content(ecu: ControlUnit, fault: Fault, record: int, request: Request) -> bytes:
    spec = next(item for item in fault.spec.extended if item.record == record)
    return fault.extended_data(spec, ecu.faults.detection(fault, request.now))


def _fault_and_record(ecu: ControlUnit, request: Request) -> tuple[Fault, int]:
    fault = ecu.faults.find(int.from_bytes(request.payload[2:5]))
    if fault is None:
        raise Refusal(ResponseCode.RequestOutOfRange)
    return fault, request.payload[5]


#: Sub-function: total length of the request, and what builds the report.
_REPORTS: dict[int, tuple[int, Callable[[ControlUnit, Request], bytes]]] = {
    0x01: (3, _count),
    0x02: (3, _by_status),
    0x03: (2, _snapshot_identification),
    0x04: (6, _snapshots),
    0x06: (6, _extended_data),
    0x07: (4, _count_by_severity),
    0x08: (4, _by_severity),
    0x09: (5, _severity_of_one),
    0x0A: (2, _supported),
    0x0B: (2, _first_failed),
    0x0C: (2, _first_confirmed),
    0x0D: (2, _last_failed),
    0x0E: (2, _last_confirmed),
    0x14: (2, _prefailed),
    0x15: (2, _permanent),
    0x16: (3, _extended_by_record),
    0x42: (5, _emissions_by_status),
    0x55: (3, _permanent_emissions),
}

#: The sub-functions of service 19 that these ECUs have.
SUB_FUNCTIONS = frozenset(_REPORTS)
