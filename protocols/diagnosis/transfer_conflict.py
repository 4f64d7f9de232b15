"""Whether a request concerns the control unit that a job works on."""

from __future__ import annotations

from protocols.link.vehicle import CanTarget, DoipTarget, Target


def concerns(target: Target, unit: Target) -> bool:
    """Tell whether a request to ``target`` reaches the control unit ``unit``.

    What goes to everybody reaches it; a bus that is left out may be any.
    """
    match target, unit:
        case CanTarget(response_id=None), CanTarget():
            return _same_bus(target.bus, unit.bus)
        case CanTarget(), CanTarget():
            return _same_bus(target.bus, unit.bus) and _address(target) == _address(unit)
        case DoipTarget(functional=True), DoipTarget():
            return True
        case DoipTarget(), DoipTarget():
            return target.logical_address == unit.logical_address
        case (CanTarget(), DoipTarget()) | (DoipTarget(), CanTarget()):
            return False
        case _:  # everybody on a bus
            return not isinstance(unit, CanTarget) or _same_bus(target_bus(target), unit.bus)


def target_bus(target: Target) -> str:
    """Return the bus that a target names; empty where it names none."""
    return "" if isinstance(target, DoipTarget) else target.bus


def is_functional(target: Target) -> bool:
    """Tell whether a request to ``target`` goes to everybody."""
    match target:
        case CanTarget(response_id=answer):
            return answer is None
        case DoipTarget(functional=functional):
            return functional
        case _:
            return True


def _same_bus(one: str, other: str) -> bool:
    return one == other or not one or not other


def _address(target: CanTarget) -> tuple[int, int | None, int | None]:
    return target.request_id, target.target_address, target.address_extension
