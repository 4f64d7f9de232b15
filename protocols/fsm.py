"""One way to write down a state machine: a flat table ``(state, trigger) -> state``.

A machine's module holds its states and triggers as enums and exactly one :class:`Table`. Nothing
but :meth:`Table.step` changes a state, so the table is the whole truth: tests walk every pair of
it, and the diagrams in the documentation are printed from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Generic, TypeVar

from protocols.errors import LocalProtocolError

S = TypeVar("S", bound=Enum)
T = TypeVar("T", bound=Enum)


class Table(Generic[S, T]):
    """The transitions of one machine; stateless, so one table serves all its instances."""

    def __init__(
        self,
        name: str,
        *,
        initial: S,
        final: frozenset[S],
        transitions: Mapping[tuple[S, T], S],
    ) -> None:
        self.name = name
        self.initial = initial
        self.final = final
        self.transitions = dict(transitions)

    def allows(self, state: S, trigger: T) -> bool:
        """Tell whether ``trigger`` has a meaning in ``state``."""
        return (state, trigger) in self.transitions

    def step(self, state: S, trigger: T) -> S:
        """Return the state that ``trigger`` leads to.

        Raises:
            LocalProtocolError: the table has no such row; it names the state and the trigger.
        """
        try:
            return self.transitions[state, trigger]
        except KeyError:
            raise LocalProtocolError(
                f"{self.name}: {trigger.name} is not possible in state {state.name}"
            ) from None

    def reachable(self, start: S | None = None) -> frozenset[S]:
        """Return every state that can be reached from ``start`` (default: the initial state)."""
        seen = {start if start is not None else self.initial}
        grown = True
        while grown:
            found = {to for (state, _), to in self.transitions.items() if state in seen}
            grown = not found <= seen
            seen |= found
        return frozenset(seen)

    def to_mermaid(self) -> str:
        """Return the table as a Mermaid state diagram, rows in the order they were written."""
        lines = ["stateDiagram-v2", f"    [*] --> {self.initial.name}"]
        lines += [
            f"    {state.name} --> {to.name}: {trigger.name}"
            for (state, trigger), to in self.transitions.items()
        ]
        lines += sorted(f"    {state.name} --> [*]" for state in self.final)
        return "\n".join(lines) + "\n"
