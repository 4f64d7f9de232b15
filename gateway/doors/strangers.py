"""Addresses that tried wrong keys: after some the door does not hear them for a while."""

from __future__ import annotations

from collections import OrderedDict, deque

#: Seconds that wrong keys count.
WINDOW = 60.0

#: Addresses remembered; the one that was heard of longest ago goes.
REMEMBERED = 1024


class Strangers:
    """Wrong keys by address.

    A DoIP key has 32 bits: at ten tries a minute from one address, an hour finds one key in seven
    million.

    Args:
        allowed: wrong keys within the window that are heard out.
    """

    def __init__(self, allowed: int) -> None:
        self._allowed = allowed
        self._tries: OrderedDict[str, deque[float]] = OrderedDict()

    def tried(self, address: str, now: float) -> None:
        """Count a wrong key."""
        tries = self._tries.setdefault(address, deque(maxlen=self._allowed))
        tries.append(now)
        self._tries.move_to_end(address)
        if len(self._tries) > REMEMBERED:
            self._tries.popitem(last=False)

    def may_try(self, address: str, now: float) -> bool:
        """Tell whether to hear this address."""
        tries = self._tries.get(address)
        return tries is None or len(tries) < self._allowed or now - tries[0] >= WINDOW
