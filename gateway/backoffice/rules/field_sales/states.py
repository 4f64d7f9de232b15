"""State machines of documents: which state may follow which, in one table each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.backoffice.refusal import broken_rule


@dataclass(frozen=True, slots=True)
class Machine:
    """The states of one kind of document.

    Attributes:
        name: of the document, for refusals.
        follows: state -> states that may follow it; the first state is where it begins.
    """

    name: str
    follows: Mapping[str, tuple[str, ...]] = field(hash=False)

    @property
    def first(self) -> str:
        """Where it begins."""
        return next(iter(self.follows))

    def check(self, present: str, wanted: str) -> None:
        """Refuse a state that does not follow; the present one may be said again.

        Raises:
            Invalid: naming the states that do follow.
        """
        if wanted == present or wanted in self.follows[present]:
            return
        able = ", ".join(self.follows[present]) or "nothing"
        raise broken_rule(f"A {self.name} that is {present} can become {able}, not {wanted}.")
