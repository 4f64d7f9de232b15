"""Defining identifiers at run time (ISO 14229-1, 11.6: service 2C), and reading them."""

from __future__ import annotations

from collections.abc import Callable

from udsoncan.ResponseCode import ResponseCode

from firmware_sim.vehicle.control_unit import ControlUnit
from firmware_sim.vehicle.definitions import DEFINABLE, IdentifierPart, MemoryPart, Part
from firmware_sim.vehicle.dialogue import Refusal, Reply, Request
from firmware_sim.vehicle.services.addressing import MemoryRange, memory_range

BY_IDENTIFIER, BY_MEMORY, CLEAR = 1, 2, 3

#: The sub-functions of service 2C.
SUB_FUNCTIONS = frozenset({BY_IDENTIFIER, BY_MEMORY, CLEAR})

#: Bytes of one source: identifier, position, length.
_SOURCE = 4

#: Service, sub-function, identifier.
_HEAD = 4


def define(ecu: ControlUnit, request: Request) -> Reply:
    """Answer service 2C."""
    return _ACTIONS[request.sub or 0](ecu, request)


def _by_identifier(ecu: ControlUnit, request: Request) -> Reply:
    request.expect_at_least(_HEAD + _SOURCE)
    sources = request.payload[_HEAD:]
    request.expect_length(_HEAD + len(sources) // _SOURCE * _SOURCE)
    parts = [
        IdentifierPart(
            request.word_at(start), request.payload[start + 2], request.payload[start + 3]
        )
        for start in range(_HEAD, len(request.payload), _SOURCE)
    ]
    for part in parts:
        _check_source(ecu, part, request.now)
    return _extend(ecu, request, tuple(parts))


def _check_source(ecu: ControlUnit, part: IdentifierPart, now: float) -> None:
    """Refuse what cannot be read now; identifiers built of built ones are not for these ECUs."""
    spec = ecu.identifiers.find(part.identifier)
    if spec is None or (spec.sessions and ecu.session not in spec.sessions):
        raise Refusal(ResponseCode.RequestOutOfRange)
    if not ecu.unlocked(spec.security):
        raise Refusal(ResponseCode.SecurityAccessDenied)
    last = part.position - 1 + part.length
    if part.position < 1 or part.length < 1 or last > len(ecu.identifiers.content(spec, now)):
        raise Refusal(ResponseCode.RequestOutOfRange)


def _by_memory(ecu: ControlUnit, request: Request) -> Reply:
    request.expect_at_least(_HEAD + 1)
    parts: list[Part] = []
    for wanted in _ranges(request):
        region = ecu.memory.find(wanted.address, wanted.length)
        access = region.spec.read if region is not None else None
        if access is None or not ecu.in_session(access):
            raise Refusal(ResponseCode.RequestOutOfRange)
        if not ecu.unlocked(access.security):
            raise Refusal(ResponseCode.SecurityAccessDenied)
        parts.append(MemoryPart(wanted.address, wanted.length))
    return _extend(ecu, request, tuple(parts))


def _ranges(request: Request) -> list[MemoryRange]:
    """Return the ranges behind one format byte that holds for all of them."""
    form = request.payload[_HEAD : _HEAD + 1]
    first = memory_range(request, _HEAD)
    found, width = [first], first.ends_at - _HEAD - 1
    for start in range(first.ends_at, len(request.payload), width):
        piece = Request(form + request.payload[start : start + width], request.now)
        found.append(memory_range(piece, 0))
    return found


def _extend(ecu: ControlUnit, request: Request, parts: tuple[Part, ...]) -> Reply:
    number = request.word_at(2)
    if number not in DEFINABLE or not ecu.definitions.extend(number, parts):
        raise Refusal(ResponseCode.RequestOutOfRange)
    return Reply(request.answer(request.payload[2:_HEAD]))


def _clear(ecu: ControlUnit, request: Request) -> Reply:
    request.expect_length(2, _HEAD)
    number = request.word_at(2) if len(request.payload) == _HEAD else None
    if number is not None and number not in DEFINABLE:
        raise Refusal(ResponseCode.RequestOutOfRange)
    ecu.definitions.clear(number)
    return Reply(request.answer(request.payload[2:]))


def content(ecu: ControlUnit, identifier: int, now: float) -> bytes | None:
    """Return what a defined identifier holds, or ``None`` where it is not defined."""
    parts = ecu.definitions.find(identifier)
    return None if parts is None else b"".join(_part(ecu, part, now) for part in parts)


def _part(ecu: ControlUnit, part: Part, now: float) -> bytes:
    if isinstance(part, MemoryPart):
        region = ecu.memory.find(part.address, part.length)
        access = region.spec.read if region is not None else None
        if region is None or access is None or not ecu.unlocked(access.security):
            raise Refusal(ResponseCode.SecurityAccessDenied)
        return region.read(part.address, part.length)
    spec = ecu.identifiers.find(part.identifier)
    if spec is None or not ecu.unlocked(spec.security):
        raise Refusal(ResponseCode.SecurityAccessDenied)
    start = part.position - 1
    return ecu.identifiers.content(spec, now)[start : start + part.length]


_ACTIONS: dict[int, Callable[[ControlUnit, Request], Reply]] = {
    BY_IDENTIFIER: _by_identifier,
    BY_MEMORY: _by_memory,
    CLEAR: _clear,
}
