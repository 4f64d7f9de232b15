"""Query parameters as typed values, or a refusal that names the parameter.

Every function takes the parameters (``request.args``) and a name, returns ``None`` where the
parameter is absent or empty, and raises ``Invalid`` with ``field`` set to the name. Of a repeated
parameter the first one counts. :func:`required` turns absence into a refusal.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar
from uuid import UUID

from gateway.domain.errors import Invalid

T = TypeVar("T")

#: What a signed 64-bit column holds; a larger id cannot exist, and would be a driver error.
LARGEST = 2**63 - 1

_FLAGS = {"true": True, "1": True, "false": False, "0": False}


def text(parameters: Mapping[str, str], name: str, *, longest: int = 255) -> str | None:
    """Return the parameter as text of at most ``longest`` characters."""
    value = parameters.get(name, "").strip()
    if len(value) > longest or "\0" in value:
        raise _invalid(name, f"text of at most {longest} characters")
    return value or None


def integer(
    parameters: Mapping[str, str], name: str, *, least: int = 0, most: int = LARGEST
) -> int | None:
    """Return the parameter as a whole number within ``least`` and ``most``."""
    value = parameters.get(name, "").strip()
    return _integer(name, value, least, most) if value else None


def integers(
    parameters: Mapping[str, str], name: str, *, longest: int = 200
) -> tuple[int, ...] | None:
    """Return a comma separated list of at most ``longest`` ids."""
    value = parameters.get(name, "").strip()
    if not value:
        return None
    members = value.split(",", longest)
    if len(members) > longest:
        raise _invalid(name, f"at most {longest} ids")
    return tuple(_integer(name, member.strip(), 0, LARGEST) for member in members)


def flag(parameters: Mapping[str, str], name: str) -> bool | None:
    """Return the parameter as a truth value: true, false, 1 or 0."""
    value = parameters.get(name, "").strip().lower()
    if not value:
        return None
    if value not in _FLAGS:
        raise _invalid(name, "true or false")
    return _FLAGS[value]


def uuid(parameters: Mapping[str, str], name: str) -> UUID | None:
    """Return the parameter as a UUID in its usual spelling."""
    value = parameters.get(name, "").strip()
    if not value:
        return None
    try:
        return UUID(value)
    except ValueError:
        raise _invalid(name, "a UUID") from None


def required(value: T | None, name: str) -> T:
    """Return ``value``, or refuse the request because parameter ``name`` is absent."""
    if value is None:
        raise Invalid("parameter.missing", f"The parameter {name!r} is needed.", field=name)
    return value


def _integer(name: str, value: str, least: int, most: int) -> int:
    # int() alone would take "1_000", "+1" and digits of other scripts; 20 digits are past LARGEST.
    digits = value.removeprefix("-")
    if digits.isascii() and digits.isdigit() and len(digits) <= 20:
        number = int(value)
        if least <= number <= most:
            return number
    bound = f"from {least} to {most}" if most < LARGEST else f"of at least {least}"
    raise _invalid(name, f"a whole number {bound}")


def _invalid(name: str, wanted: str) -> Invalid:
    return Invalid("parameter.invalid", f"{name!r} must be {wanted}.", field=name)
