"""Identifiers that an ECU sends again and again once it was asked to (service 2A)."""

from __future__ import annotations

#: Seconds between two messages by transmission mode (ISO 14229-1, annex C.4): the maker's choice.
RATES = {0x01: 1.0, 0x02: 0.2, 0x03: 0.05}

#: transmissionMode that ends it.
STOP = 0x04

#: Identifiers that one ECU sends at a time; more are refused.
MAX_PERIODIC = 8


class Periodic:
    """Owns the schedule of one ECU; leaving for the default session ends it."""

    def __init__(self) -> None:
        self._rates: dict[int, float] = {}
        self._due: dict[int, float] = {}

    def start(self, numbers: tuple[int, ...], mode: int, now: float) -> bool:
        """Send these from now on at a rate; False where they are too many."""
        if len({*self._rates, *numbers}) > MAX_PERIODIC:
            return False
        for number in numbers:
            self._rates[number] = RATES[mode]
            self._due[number] = now + RATES[mode]
        return True

    def stop(self, numbers: tuple[int, ...] = ()) -> None:
        """Stop sending these, or all where none are named."""
        for number in numbers or tuple(self._rates):
            self._rates.pop(number, None)
            self._due.pop(number, None)

    def next_deadline(self) -> float | None:
        """Return when the next one is due, or ``None``."""
        return min(self._due.values(), default=None)

    def take_due(self, now: float) -> list[int]:
        """Return the numbers to send now; each is due again a period later."""
        found = [number for number, at in self._due.items() if at <= now]
        for number in found:
            # Those missed while nobody looked are left out: the next one is newer anyway.
            self._due[number] = max(self._due[number] + self._rates[number], now)
        return found
