"""How often a job tries: repeats after lost answers, polls, restarts after a lost thread.

And security access, which is never tried twice: a control unit counts wrong keys and locks up.
"""

from __future__ import annotations

from protocols.diagnosis.transfer_outcome import Outcome, Refused, Silent
from protocols.diagnosis.transfer_program import Operation, Part
from protocols.diagnosis.transfer_records import Ask
from protocols.link.jobs import Recovery, Step, TransferOrder

#: Outcomes of an exchange after which the same request may be sent again.
_REPEATED = frozenset({"no_response", "transport", "busy_too_long"})

#: Pause before a repeat where the bus itself was in trouble, seconds.
_TRANSPORT_PAUSE = 0.5

#: Negative responses that mean: this control unit has lost the thread of the transfer. 24 request
#: sequence error, 33 security access denied, 70 upload download not accepted, 71 transfer data
#: suspended, 73 wrong block sequence counter, 7E and 7F not in this session.
_LOST_THREAD = frozenset({0x24, 0x33, 0x70, 0x71, 0x73, 0x7E, 0x7F})

_SECURITY_ACCESS, _RESET = 0x27, 0x11


class Attempts:
    """The tries of one job.

    Attributes:
        tries: repeats of the present request.
        restarts: times the job has recovered.
        pause: seconds to wait before the repeat that :meth:`repeats` has just allowed.
    """

    def __init__(self, order: TransferOrder) -> None:
        self.tries = self.restarts = 0
        self.pause = 0.0
        self._order = order
        self._poll_until: float | None = None

    def fresh(self) -> None:
        """Whatever is asked next has all its repeats, and a poll its whole limit."""
        self.tries, self._poll_until = 0, None

    def poll_at(self, step: Step, now: float) -> float | None:
        """Return when to ask again what is not done; ``None`` where that has gone on for too long.

        Its answer came, so the repeats count anew.
        """
        if self._poll_until is None:
            self._poll_until = now + step.limit_ms / 1000
        self.tries = 0
        is_over = now >= self._poll_until
        return None if is_over else min(now + step.wait_ms / 1000, self._poll_until)

    def repeats(self, asked: Ask, outcome: Outcome) -> bool:
        """Tell whether the same request goes out again, and count that."""
        self.pause = 0.0
        if not isinstance(outcome, Silent) or outcome.failure not in _REPEATED:
            return False
        if asked.request[0] in {_SECURITY_ACCESS, _RESET} or self.tries >= self._order.repeats:
            return False
        self.tries += 1
        if outcome.failure == "transport":
            self.pause = _TRANSPORT_PAUSE
        return True

    def has_lost_thread(self, operation: Operation, outcome: Refused | Silent) -> bool:
        """Tell whether the control unit does not know any more where the transfer is."""
        if operation.part is Part.STEP:
            return False
        if isinstance(outcome, Silent):
            return True
        # A first request that is refused is refused for good: the procedure lacks something.
        first = operation.part is Part.REQUEST and not self.tries
        return outcome.code in _LOST_THREAD and not first

    def restart(self) -> bool:
        """Tell whether the job may go back once more, and count that."""
        self.restarts += 1
        self.fresh()
        return self._order.recovery != Recovery.NONE and self.restarts <= self._order.restarts


class Unlocking:
    """The seed and key of the security step that is at work.

    Attributes:
        seed: what the key is to be made from.
        level: whose.
    """

    def __init__(self) -> None:
        self.seed = b""
        self.level = 0
        self._key: bytes | None = None

    @property
    def wanted(self) -> tuple[int, bytes]:
        """For which level a key is wanted, and the seed."""
        return self.level, self.seed

    def give(self, key: bytes) -> None:
        """Take the key for the seed."""
        self._key = key

    def forget(self) -> None:
        """Forget a key: whatever comes next begins with a seed."""
        self._key = None

    def request(self, step: Step) -> bytes:
        """Return what is sent now: a request for a seed, or the key."""
        if self._key is None:
            return bytes((_SECURITY_ACCESS, step.level))
        return bytes((_SECURITY_ACCESS, step.level + 1)) + self._key

    def opened(self, step: Step, answer: bytes) -> bool:
        """Take a positive answer; tell whether the level is open, else the seed is there."""
        if self._key is not None or not any(answer[2:]):  # zeros: it is open already
            self._key = None
            return True
        self.seed, self.level = answer[2:], step.level
        return False
