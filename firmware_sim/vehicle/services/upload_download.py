"""Programming and reading out memory (ISO 14229-1, clause 15: services 34, 35, 36 and 37).

A transfer begins with 34 or 35, moves by 36 and ends with 37. Leaving the session, a reset and S3
give it up. What is programmed has to be erased first (routine of kind ``erase``).
"""

from __future__ import annotations

from udsoncan.ResponseCode import ResponseCode

from firmware_sim.vehicle.control_unit import ControlUnit
from firmware_sim.vehicle.dialogue import Refusal, Reply, Request
from firmware_sim.vehicle.function_spec import FlashSpec
from firmware_sim.vehicle.memory import Region
from firmware_sim.vehicle.services.addressing import MemoryRange, memory_range
from firmware_sim.vehicle.transfer import Direction, Transfer

#: Format of memory contents that are neither compressed nor encrypted.
PLAIN = 0x00

#: lengthFormatIdentifier of the answers: maxNumberOfBlockLength has two bytes.
_TWO_BYTES = 0x20

#: Block length of ECUs that are read out and not programmed, bytes.
_DEFAULT_BLOCK = 0x0402

#: Bytes of the checksum that service 37 may carry.
_CRC_LENGTH = 4


def request_download(ecu: ControlUnit, request: Request) -> Reply:
    """Answer service 34; checks in the order of ISO 14229-1, figure 33."""
    request.expect_at_least(5)
    spec = ecu.flash.spec
    if spec is None:
        raise Refusal(ResponseCode.UploadDownloadNotAccepted)
    if ecu.session not in spec.sessions:
        raise Refusal(ResponseCode.ServiceNotSupportedInActiveSession)
    wanted = memory_range(request, 2)
    request.expect_length(wanted.ends_at)
    if request.payload[1] not in spec.formats:
        raise Refusal(ResponseCode.RequestOutOfRange)
    region = ecu.flash.programmable(wanted.address, wanted.length)
    if region is None:
        raise Refusal(ResponseCode.RequestOutOfRange)
    if not ecu.unlocked(spec.security):
        raise Refusal(ResponseCode.SecurityAccessDenied)
    if not _is_asked_again(ecu, Direction.DOWNLOAD, wanted):
        _expect_no_transfer(ecu)
        if not region.blank.cover(wanted.address, wanted.address + wanted.length):
            raise Refusal(ResponseCode.UploadDownloadNotAccepted)
    return _begin(ecu, request, Direction.DOWNLOAD, region, wanted)


def request_upload(ecu: ControlUnit, request: Request) -> Reply:
    """Answer service 35; whatever memory can be read can be uploaded."""
    request.expect_at_least(5)
    wanted = memory_range(request, 2)
    request.expect_length(wanted.ends_at)
    region = ecu.memory.find(wanted.address, wanted.length)
    if request.payload[1] != PLAIN or region is None:
        raise Refusal(ResponseCode.RequestOutOfRange)
    access = region.spec.read
    if access is None or not ecu.in_session(access):
        raise Refusal(ResponseCode.RequestOutOfRange)
    if not ecu.unlocked(access.security):
        raise Refusal(ResponseCode.SecurityAccessDenied)
    if not _is_asked_again(ecu, Direction.UPLOAD, wanted):
        _expect_no_transfer(ecu)
    return _begin(ecu, request, Direction.UPLOAD, region, wanted)


def transfer_data(ecu: ControlUnit, request: Request) -> Reply:
    """Answer service 36."""
    request.expect_at_least(2)
    transfer = _running(ecu)
    counter = request.payload[1]
    repeated = transfer.is_repetition(counter)
    content = transfer.block(counter, request.payload[2:])
    spec = ecu.flash.spec
    work = spec.block_time if spec is not None and not repeated else 0.0
    return Reply(request.answer(bytes([counter]) + content), work)


def request_transfer_exit(ecu: ControlUnit, request: Request) -> Reply:
    """Answer service 37: with the CRC-32 of what was transferred, where the ECU has that."""
    transfer = _running(ecu)
    if not transfer.complete:
        raise Refusal(ResponseCode.RequestSequenceError)
    checksum = transfer.checksum.to_bytes(_CRC_LENGTH)
    if ecu.flash.spec is None or ecu.flash.spec.checksum == "none":
        request.expect_length(1)
        checksum = b""
    else:
        request.expect_length(1, 1 + _CRC_LENGTH)
        if request.payload[1:] not in {b"", checksum}:
            raise Refusal(ResponseCode.GeneralProgrammingFailure)
    ecu.flash.transfer = None
    return Reply(request.answer(checksum))


def _begin(
    ecu: ControlUnit, request: Request, way: Direction, region: Region, wanted: MemoryRange
) -> Reply:
    max_block = _max_block(ecu.flash.spec)
    ecu.flash.transfer = Transfer(way, region, wanted.address, wanted.length, max_block)
    return Reply(request.answer(bytes([_TWO_BYTES]) + max_block.to_bytes(2)))


def _max_block(spec: FlashSpec | None) -> int:
    return spec.max_block if spec is not None else _DEFAULT_BLOCK


def _is_asked_again(ecu: ControlUnit, way: Direction, wanted: MemoryRange) -> bool:
    """Tell whether this very transfer was begun already and moved nothing: a lost answer."""
    running = ecu.flash.transfer
    return (
        running is not None
        and not running.begun
        and running.direction is way
        and (running.address, running.length) == (wanted.address, wanted.length)
    )


def _expect_no_transfer(ecu: ControlUnit) -> None:
    if ecu.flash.transfer is not None:
        raise Refusal(ResponseCode.ConditionsNotCorrect)


def _running(ecu: ControlUnit) -> Transfer:
    if ecu.flash.transfer is None:
        raise Refusal(ResponseCode.RequestSequenceError)
    return ecu.flash.transfer
