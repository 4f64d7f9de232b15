"""One step of a procedure: what is asked, and what has to come back.

Each returns what it found as JSON: ``title``, ``header`` and ``rows`` of text. What it reads
before it changes anything goes onto the record first, so that whoever has to go on with the step
after a restart knows how things were.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, assert_never

from gateway.tickets.unattended import trouble_codes
from gateway.tickets.unattended.declared import (
    ClearTroubleCodes,
    Lock,
    Read,
    ReadTroubleCodes,
    Routine,
    Step,
    Write,
)
from gateway.tickets.unattended.trouble_codes import TroubleCode
from gateway.tickets.unattended.vehicle import ControlUnit, MisfitError, RefusedError, Vehicle

# Any: JSON by nature; each kind of step tells other things.
Json = dict[str, Any]

#: Puts what was found before a change onto the record, and returns once it is there.
Remember = Callable[[Json], Awaitable[None]]

#: serviceNotSupported, subFunctionNotSupported: such a control unit keeps no trouble codes.
_KEEPS_NONE = frozenset({0x11, 0x12})


def title_of(step: Step) -> str:
    """Return what people are told while it runs."""
    match step:
        case ReadTroubleCodes():
            return "Read trouble codes"
        case ClearTroubleCodes():
            return "Clear trouble codes"
        case Read():
            return f"Read {step.name}"
        case Write():
            return f"Write {step.name}"
        case Routine():
            return f"Run {step.name}"
        case _:
            assert_never(step)


async def perform(step: Step, vehicle: Vehicle, memo: Json, remember: Remember) -> Json:
    """Carry out a step and return what it found.

    Args:
        step: what is to be done.
        vehicle: where.
        memo: what was remembered of it before a restart; empty at first.
        remember: puts what has to survive a restart on record.

    Raises:
        MisfitError: something is not as it should be; nothing more was changed then.
        GatewayError: the link, the lease or the vehicle's bus is lost.
    """
    match step:
        case ReadTroubleCodes():
            return await _read_codes(step, vehicle)
        case ClearTroubleCodes():
            return await _clear_codes(step, vehicle, memo, remember)
        case Read():
            return await _read(step, vehicle)
        case Write():
            return await _write(step, vehicle, memo, remember)
        case Routine():
            return await _run(step, vehicle, memo, remember)
        case _:
            assert_never(step)


async def _read_codes(step: ReadTroubleCodes, vehicle: Vehicle) -> Json:
    rows = []
    for unit in vehicle.control_units(step.ecus):
        found = await _codes(vehicle, unit)
        rows += _listed(unit.name, found)
    return _found(step, ["Control unit", "Code", "State"], rows)


def _listed(name: str, found: tuple[TroubleCode, ...] | None) -> list[list[str]]:
    if found is None:
        return [[name, "-", "keeps no trouble codes"]]
    return [[name, code.text, code.state] for code in found] or [[name, "-", "no trouble codes"]]


async def _codes(vehicle: Vehicle, unit: ControlUnit) -> tuple[TroubleCode, ...] | None:
    """Return what a control unit keeps; ``None`` where it knows no trouble codes at all."""
    try:
        answer = await vehicle.ask(unit, trouble_codes.READ_ALL)
    except RefusedError as error:
        if error.code in _KEEPS_NONE:
            return None
        raise
    try:
        return trouble_codes.decode(answer)
    except ValueError as error:
        raise MisfitError(f"{unit.name}: {error}.") from error


async def _clear_codes(
    step: ClearTroubleCodes, vehicle: Vehicle, memo: Json, remember: Remember
) -> Json:
    units = vehicle.control_units(step.ecus)
    if "before" not in memo:
        before: dict[str, list[str] | None] = {}
        for unit in units:
            found = await _codes(vehicle, unit)
            before[unit.name] = None if found is None else [code.text for code in found]
        memo = {"before": before}
        await remember(memo)
    rows = []
    for unit in units:
        if (had := memo["before"].get(unit.name)) is None:
            rows.append([unit.name, "keeps no trouble codes", "-"])
            continue
        await vehicle.ask(unit, trouble_codes.CLEAR_ALL)
        left = await _codes(vehicle, unit) or ()
        rows.append([unit.name, _joined(had), _joined([code.text for code in left])])
    return _found(step, ["Control unit", "Before", "After"], rows)


def _joined(codes: list[str]) -> str:
    return ", ".join(codes) or "none"


async def _read(step: Read, vehicle: Vehicle) -> Json:
    unit = vehicle.control_unit(step.ecu)
    value = await _value(vehicle, unit, step.identifier)
    row = [unit.name, f"{step.identifier:04X}", value.hex(" ").upper()]
    return _found(step, ["Control unit", "Identifier", "Value"], [row])


async def _write(step: Write, vehicle: Vehicle, memo: Json, remember: Remember) -> Json:
    """Read, write, read back.

    After a restart nobody knows whether the write went out: reading first tells. It is written
    again only where the vehicle still holds what it held before.
    """
    unit = vehicle.control_unit(step.ecu)
    await _enter(vehicle, unit, step.session)
    held = await _value(vehicle, unit, step.identifier)
    before = bytes.fromhex(memo["before"]) if "before" in memo else held
    wanted = _wanted(step, unit, before)
    if held not in {before, wanted}:
        raise MisfitError(
            f"{unit.name} holds {_hex(held)} as {step.name}: neither what it held before the "
            f"interruption ({_hex(before)}) nor what was to be written ({_hex(wanted)})."
        )
    if held != wanted:
        await remember({"before": before.hex()})
        await _unlock(vehicle, unit, step.lock)
        await vehicle.ask(unit, b"\x2e" + step.identifier.to_bytes(2) + wanted)
        held = await _value(vehicle, unit, step.identifier)
    if held != wanted:
        raise MisfitError(
            f"{unit.name} took {_hex(wanted)} as {step.name} and reads back {_hex(held)}; before "
            f"it was {_hex(before)}."
        )
    row = [unit.name, f"{step.identifier:04X}", _hex(before), _hex(held)]
    return _found(step, ["Control unit", "Identifier", "Before", "Read back"], [row])


def _wanted(step: Write, unit: ControlUnit, before: bytes) -> bytes:
    value = bytes.fromhex(step.value)
    if len(value) != len(before):
        raise MisfitError(
            f"{unit.name} holds {len(before)} bytes as {step.name}, the procedure writes "
            f"{len(value)}."
        )
    mask = b"\xff" * len(value) if step.mask is None else bytes.fromhex(step.mask)
    bits = zip(before, value, mask, strict=True)
    return bytes(old & ~which | new & which for old, new, which in bits)


async def _run(step: Routine, vehicle: Vehicle, memo: Json, remember: Remember) -> Json:
    unit = vehicle.control_unit(step.ecu)
    if memo:
        raise MisfitError(
            f"{step.name} was started in {unit.name} before an interruption; it is not known "
            "whether it came to its end, and it is not started twice."
        )
    await _enter(vehicle, unit, step.session)
    await _unlock(vehicle, unit, step.lock)
    await remember({"started": True})
    start = b"\x31\x01" + step.identifier.to_bytes(2)
    answer = await vehicle.ask(unit, start + bytes.fromhex(step.arguments or ""))
    result, expected = answer[4:], bytes.fromhex(step.expect or "")
    if not result.startswith(expected):
        raise MisfitError(
            f"{step.name} in {unit.name} ends with {_hex(result)}, expected {_hex(expected)}."
        )
    row = [unit.name, f"{step.identifier:04X}", _hex(result) or "done"]
    return _found(step, ["Control unit", "Routine", "Result"], [row])


async def _enter(vehicle: Vehicle, unit: ControlUnit, session: int) -> None:
    if session != 1:
        await vehicle.ask(unit, bytes((0x10, session)))


async def _unlock(vehicle: Vehicle, unit: ControlUnit, lock: Lock | None) -> None:
    if lock is None:
        return
    seed = (await vehicle.ask(unit, bytes((0x27, lock.level))))[2:]
    if not any(seed):
        return  # ISO 14229-1, 10.4.1: a seed of zeros says that it is open
    if len(seed) != 4:
        raise MisfitError(f"{unit.name} gives a seed of {len(seed)} bytes, expected 4.")
    await vehicle.ask(unit, bytes((0x27, lock.level + 1)) + lock.key(seed))


async def _value(vehicle: Vehicle, unit: ControlUnit, identifier: int) -> bytes:
    answer = await vehicle.ask(unit, b"\x22" + identifier.to_bytes(2))
    if answer[1:3] != identifier.to_bytes(2):
        raise MisfitError(f"{unit.name} answers for another identifier than {identifier:04X}.")
    return answer[3:]


def _found(step: Step, header: list[str], rows: list[list[str]]) -> Json:
    return {"title": title_of(step), "header": header, "rows": rows}


def _hex(data: bytes) -> str:
    return data.hex(" ").upper()
