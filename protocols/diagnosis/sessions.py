"""Diagnostic sessions that a tester opened in control units: kept alive, and given back.

Whoever opens a session in a control unit (10 xx, ISO 14229-1 clause 10.2) makes the tester
responsible for it: tester present keeps it alive, and in the end the control unit is brought back
to its default session. Where the tester goes away without that, the control unit does it by
itself when its S3 timer (5 s, ISO 14229-2) runs out.
"""

from __future__ import annotations

from protocols.link.messages import ExchangeResult
from protocols.link.vehicle import CanTarget, DoipTarget, FunctionalTarget, Target

#: ISO 14229-2: a tester sends tester present at the latest this often, seconds (S3 client), so
#: that an ECU's S3 of 5 s never runs out.
TESTER_PRESENT_INTERVAL = 2.0

DEFAULT_SESSION = bytes((0x10, 0x01))
TESTER_PRESENT = bytes((0x3E, 0x80))

_SUPPRESS = 0x80


def changed_session(request: bytes, result: ExchangeResult) -> int | None:
    """Return the session that a control unit is in now because of a request, if it is another."""
    if len(request) != 2 or request[0] != DEFAULT_SESSION[0] or result.failure:
        return None
    if request[1] & _SUPPRESS:
        changed = not result.responses  # silence is the positive answer
    else:
        changed = any(response.data[:1] == b"\x50" for response in result.responses)
    return request[1] & ~_SUPPRESS if changed else None


def target_name(target: Target) -> str:
    """Return a control unit for people: its request identifier or logical address."""
    match target:
        case CanTarget(request_id):
            return f"control unit {request_id:X}"
        case DoipTarget(address):
            return f"control unit {address:X}"
        case FunctionalTarget():
            return "the control units of a bus"


class OpenedSessions:
    """Control units in another session than the default one, by who opened it.

    ``owner`` is the id of an operator's session.
    """

    def __init__(self) -> None:
        self._due: dict[str, dict[Target, float]] = {}

    def saw(
        self, owner: str, target: Target, request: bytes, result: ExchangeResult, now: float
    ) -> None:
        """Take note of what a request of ``owner`` did to a control unit's session.

        Whatever an answer came to keeps the session alive as tester present does.
        """
        kind = changed_session(request, result)
        if kind is None:
            if result.responses and target in self._due.get(owner, {}):
                self._due[owner][target] = now + TESTER_PRESENT_INTERVAL
            return
        opened = self._due.setdefault(owner, {})
        if kind == DEFAULT_SESSION[1]:
            opened.pop(target, None)
        else:
            opened[target] = now + TESTER_PRESENT_INTERVAL
        if not opened:
            del self._due[owner]

    def release(self, owner: str) -> tuple[Target, ...]:
        """Forget ``owner``; return the control units to bring back to their default session."""
        return tuple(self._due.pop(owner, ()))

    def next_deadline(self) -> float | None:
        """Return when somebody's tester present is due, or ``None``."""
        return min((due for opened in self._due.values() for due in opened.values()), default=None)

    def take_due(self, now: float) -> tuple[Target, ...]:
        """Return whom to send tester present now; each is due again an interval later."""
        found: list[Target] = []
        for opened in self._due.values():
            for target, due in opened.items():
                if due <= now:
                    opened[target] = now + TESTER_PRESENT_INTERVAL
                    found.append(target)
        return tuple(dict.fromkeys(found))
