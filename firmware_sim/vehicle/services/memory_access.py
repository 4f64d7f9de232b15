"""Reading and writing memory by address (ISO 14229-1, 11.3 and 11.8: services 23 and 3D)."""

from __future__ import annotations

from udsoncan.ResponseCode import ResponseCode

from firmware_sim.vehicle.control_unit import ControlUnit
from firmware_sim.vehicle.dialogue import Refusal, Reply, Request
from firmware_sim.vehicle.memory import Region
from firmware_sim.vehicle.record import Access
from firmware_sim.vehicle.services.addressing import memory_range
from firmware_sim.vehicle.services.data_transmission import WRITE_TIME

#: Bytes that one answer may carry: the longest classic ISO-TP message without the service.
MAX_READ = 4094


def read(ecu: ControlUnit, request: Request) -> Reply:
    """Answer service 23."""
    wanted = memory_range(request, 1)
    request.expect_length(wanted.ends_at)
    region = ecu.memory.find(wanted.address, wanted.length)
    if region is None or wanted.length > MAX_READ:
        raise Refusal(ResponseCode.RequestOutOfRange)
    _expect_access(ecu, region.spec.read)
    return Reply(request.answer(region.read(wanted.address, wanted.length)))


def write(ecu: ControlUnit, request: Request) -> Reply:
    """Answer service 3D; flash is programmed by service 34 and never written by this one."""
    wanted = memory_range(request, 1)
    region = _writable(ecu, wanted.address, wanted.length)
    request.expect_length(wanted.ends_at + wanted.length)
    region.write(wanted.address, request.payload[wanted.ends_at :])
    return Reply(request.answer(request.payload[1 : wanted.ends_at]), work=WRITE_TIME)


def _writable(ecu: ControlUnit, address: int, length: int) -> Region:
    region = ecu.memory.find(address, length)
    if region is None:
        raise Refusal(ResponseCode.RequestOutOfRange)
    _expect_access(ecu, region.spec.write)
    return region


def _expect_access(ecu: ControlUnit, access: Access | None) -> None:
    if access is None or not ecu.in_session(access):
        raise Refusal(ResponseCode.RequestOutOfRange)
    if not ecu.unlocked(access.security):
        raise Refusal(ResponseCode.SecurityAccessDenied)
