"""One subscription: when it is due, and whether what is known still holds."""

from __future__ import annotations

import math
from dataclasses import dataclass

#: Seconds between two updates of one thing, however fast it changes.
SMALLEST_GAP = 0.25

#: What no change was heard of is read at every third update only.
READ_EVERY = 3


@dataclass(slots=True, eq=False)
class Following:
    """One subscription.

    Attributes:
        topic: where changes are heard.
        due: when the next update is to be sent, by Trio's clock.
        sent: when the latest was.
        read: when the latest update was read; before all time where it changed since.
        text: the latest update, as it was sent.
        position: of a channel: number of the last message that was sent.
        hears_all: every change is heard, so what was read stays true until one is. How a connector
            is changes all the time, and costs no more than a look.
    """

    topic: str
    due: float
    sent: float = -math.inf
    read: float = -math.inf
    text: str = ""
    position: int | None = None
    hears_all: bool = False

    def hurry(self, now: float) -> None:
        """Something changed: read and send at once, unless one was just sent."""
        self.read = -math.inf
        self.due = min(self.due, max(now, self.sent + SMALLEST_GAP))

    def is_fresh(self, now: float, interval: float) -> bool:
        """Tell whether the latest update can go out again without being read."""
        return self.hears_all and now - self.read < interval * READ_EVERY
