"""Which events one client wants, and how far it has come with each kind."""

from __future__ import annotations


class Following:
    """Subscriptions to events: a pattern each, with the position of the last event sent for it."""

    def __init__(self) -> None:
        self._positions: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._positions)

    def __contains__(self, pattern: str) -> bool:
        return pattern in self._positions

    def add(self, pattern: str, position: int) -> None:
        """Want events of a pattern behind a position; again begins there anew."""
        self._positions[pattern] = position

    def remove(self, pattern: str) -> None:
        """Want them no more; nothing happens where they were not wanted."""
        self._positions.pop(pattern, None)

    @property
    def begin(self) -> int | None:
        """Position behind which there may be something; ``None`` where nothing is wanted."""
        return min(self._positions.values(), default=None)

    def pass_by(self, type_: str, position: int) -> bool:
        """Note that an event was come to; tell whether it is wanted, and was not sent yet."""
        wanted = False
        for pattern, known in self._positions.items():
            if known < position:
                self._positions[pattern] = position
                wanted = wanted or _matches(pattern, type_)
        return wanted


def _matches(pattern: str, type_: str) -> bool:
    if pattern == "*":
        return True
    return type_.startswith(pattern[:-1]) if pattern.endswith(".*") else type_ == pattern
