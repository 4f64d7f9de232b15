"""Which frames a listener wants: SocketCAN's rule, ``received & mask == id & mask``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from protocols.can.frame import MAX_EXTENDED_ID, MAX_STANDARD_ID, CanFrame
from protocols.errors import LocalProtocolError

#: Identifiers whose verdict a set remembers. A vehicle's bus has some hundreds; a peer that
#: walks through 29 bits makes the memory start over instead of growing.
REMEMBERED = 4096


@dataclass(frozen=True, slots=True)
class CanFilter:
    """One rule.

    Attributes:
        id: the identifier wanted.
        mask: bits that must agree; 0 wants every identifier of this format.
        extended: 29-bit frames, otherwise 11-bit frames.
    """

    id: int
    mask: int = MAX_EXTENDED_ID
    extended: bool = False

    def __post_init__(self) -> None:
        """Raise LocalProtocolError where identifier or mask do not fit into 29 or 11 bits."""
        limit = MAX_EXTENDED_ID if self.extended else MAX_STANDARD_ID
        if not 0 <= self.id <= limit or not 0 <= self.mask <= MAX_EXTENDED_ID:
            raise LocalProtocolError(f"filter {self.id:#x}/{self.mask:#x} is out of range")

    def matches(self, frame: CanFrame) -> bool:
        """Tell whether a data or remote frame meets the rule; error frames have no identifier."""
        return (
            not frame.error
            and frame.extended == self.extended
            and (frame.id ^ self.id) & self.mask == 0
        )


class FilterSet:
    """Several rules, one of which must be met; no rule at all wants everything.

    Error frames pass by ``errors`` alone. Verdicts are remembered by identifier, so that a busy
    bus costs one dictionary look-up a frame however many rules there are.
    """

    def __init__(self, filters: Iterable[CanFilter] = (), *, errors: bool = True) -> None:
        self.filters = tuple(filters)
        self.errors = errors
        self._verdicts: dict[int, bool] = {}

    def matches(self, frame: CanFrame) -> bool:
        """Tell whether the listener wants this frame."""
        if frame.error:
            return self.errors
        key = frame.id << 1 | frame.extended
        verdict = self._verdicts.get(key)
        return verdict if verdict is not None else self._decide(key, frame)

    def _decide(self, key: int, frame: CanFrame) -> bool:
        if len(self._verdicts) >= REMEMBERED:
            self._verdicts.clear()
        verdict = not self.filters or any(rule.matches(frame) for rule in self.filters)
        self._verdicts[key] = verdict
        return verdict
