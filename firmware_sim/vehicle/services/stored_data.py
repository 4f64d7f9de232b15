"""Reading and clearing the fault memory (ISO 14229-1, clause 12: services 14 and 19)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from udsoncan.ResponseCode import ResponseCode

from firmware_sim.vehicle.control_unit import ControlUnit
from firmware_sim.vehicle.dialogue import Refusal, Reply, Request
from firmware_sim.vehicle.ecu_spec import SnapshotSpec
from firmware_sim.vehicle.faults import Fault

#: DTCFormatIdentifier: ISO 14229-1 (table D.9).
FORMAT_ISO_14229_1 = 0x01

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
    declared = {item.record: bytes(item.hex) for item in fault.spec.extended}
    if record == ALL_RECORDS:
        chosen = declared
    elif record == ALL_OBD_RECORDS:
        chosen = {number: data for number, data in declared.items() if number in _OBD_RECORDS}
    elif record in declared:
        chosen = {record: declared[record]}
    else:
        raise Refusal(ResponseCode.RequestOutOfRange)
    stored = chosen if fault.recorded else {}
    records = b"".join(bytes([number]) + data for number, data in stored.items())
    return _code_and_status(ecu, fault) + records


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
    0x0A: (2, _supported),
}

#: The sub-functions of service 19 that these ECUs have.
SUB_FUNCTIONS = frozenset(_REPORTS)
