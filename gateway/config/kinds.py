"""Kinds of settings: bounded numbers, and text that must not be printed."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta
from typing_extensions import override

Port = Annotated[int, Meta(ge=0, le=65_535)]
Count = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(gt=0)]


class Secret:
    """Text that must not be printed: ``repr`` and ``str`` show asterisks."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the text itself, for the one place that needs it."""
        return self._value

    @override
    def __repr__(self) -> str:
        return "Secret('****')"

    @override
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    @override
    def __hash__(self) -> int:
        return hash(self._value)
