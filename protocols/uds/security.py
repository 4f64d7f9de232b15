"""An ECU's security access (service 27): seed, key, attempts and the delay after too many.

Theory of operation. A level is opened by asking for its seed and presenting the key that belongs
to it; one level is open at a time. Wrong keys are counted over all levels and survive sessions and
resets, so that nothing but the right key or the delay lets a tester go on. When the count reaches
the limit, nothing is accepted until the delay is over; then one more attempt is free (ISO 14229-1,
figure "SecurityAccess state diagram": the attempt counter goes down by one).

The machine decides who may try; seeds and keys themselves are the ECU application's.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from udsoncan.ResponseCode import ResponseCode

from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.fsm import Table
from protocols.uds.names import negative_response_name


class SecurityState(Enum):
    """Where the handshake stands; which level is open is another matter."""

    IDLE = auto()
    SEED_SENT = auto()
    DELAYED = auto()


class SecurityTrigger(Enum):
    """What can happen to it."""

    SEED = auto()
    RIGHT_KEY = auto()
    WRONG_KEY = auto()
    LAST_WRONG_KEY = auto()
    DELAY_OVER = auto()
    RELOCK = auto()


TABLE: Table[SecurityState, SecurityTrigger] = Table(
    "security access",
    initial=SecurityState.IDLE,
    final=frozenset(),
    transitions={
        (SecurityState.IDLE, SecurityTrigger.SEED): SecurityState.SEED_SENT,
        (SecurityState.IDLE, SecurityTrigger.RELOCK): SecurityState.IDLE,
        (SecurityState.SEED_SENT, SecurityTrigger.SEED): SecurityState.SEED_SENT,
        (SecurityState.SEED_SENT, SecurityTrigger.RIGHT_KEY): SecurityState.IDLE,
        (SecurityState.SEED_SENT, SecurityTrigger.WRONG_KEY): SecurityState.IDLE,
        (SecurityState.SEED_SENT, SecurityTrigger.LAST_WRONG_KEY): SecurityState.DELAYED,
        (SecurityState.SEED_SENT, SecurityTrigger.RELOCK): SecurityState.IDLE,
        (SecurityState.DELAYED, SecurityTrigger.DELAY_OVER): SecurityState.IDLE,
        (SecurityState.DELAYED, SecurityTrigger.RELOCK): SecurityState.DELAYED,
    },
)


@dataclass(frozen=True, slots=True)
class SecurityParams:
    """What an ECU can be opened with.

    Attributes:
        levels: requestSeed sub-functions, odd, 01 to 7D.
        attempts: wrong keys until the delay.
        delay: seconds without any attempt after that.
    """

    levels: frozenset[int] = frozenset({0x01})
    attempts: int = 3
    delay: float = 10.0

    def __post_init__(self) -> None:
        """Raise LocalProtocolError for levels or numbers that cannot be."""
        if not all(0 < level < 0x7F and level % 2 for level in self.levels):
            raise LocalProtocolError("security levels are odd sub-functions, 01 to 7D")
        if self.attempts < 1 or self.delay <= 0:
            raise LocalProtocolError("at least one attempt, and a delay above zero")


class SecurityAccess:
    """The machine of one ECU.

    Attributes:
        state: of the handshake.
        unlocked: the level that is open, or ``None``.
        failures: wrong keys that count.
    """

    def __init__(self, params: SecurityParams) -> None:
        self.params = params
        self.state = TABLE.initial
        self.unlocked: int | None = None
        self.failures = 0
        self._asked: int | None = None
        self._delayed_until: float | None = None

    def request_seed(self, level: int, now: float) -> bool:
        """Begin to open a level; return False where it is open already (answer a seed of zeros).

        Raises:
            RemoteProtocolError: 12 no such level, 37 the delay is not over.
        """
        self._check(level, now)
        if self.unlocked == level:
            return False
        self._step(SecurityTrigger.SEED)
        self._asked = level
        return True

    def present_key(self, level: int, correct: bool, now: float) -> None:
        """Take a key for a level, of which the application says whether it is right.

        Args:
            level: the requestSeed sub-function that it belongs to (its own minus one).
            correct: whether it is the right one for the seed given out last.
            now: seconds.

        Raises:
            RemoteProtocolError: 12 no such level, 37 the delay is not over, 24 no seed of this
                level was given out, 35 wrong key, 36 wrong key and one too many.
        """
        self._check(level, now)
        if self.state is not SecurityState.SEED_SENT or self._asked != level:
            self._forget_seed()
            raise _refusal(ResponseCode.RequestSequenceError)
        if not correct:
            raise self._wrong_key(now)
        self._step(SecurityTrigger.RIGHT_KEY)
        self.unlocked = level
        self.failures = 0

    def relock(self) -> None:
        """Close every level: the session changed, or the ECU started again."""
        self.unlocked = None
        self._forget_seed()

    def next_deadline(self) -> float | None:
        """Return when the delay is over, or ``None``."""
        return self._delayed_until

    def handle_deadline(self, now: float) -> None:
        """End the delay where it is over."""
        if self._delayed_until is not None and now >= self._delayed_until:
            self._step(SecurityTrigger.DELAY_OVER)
            self._delayed_until = None
            self.failures -= 1

    def _forget_seed(self) -> None:
        """Forget a seed given out; a delay goes on."""
        self._asked = None
        self._step(SecurityTrigger.RELOCK)

    def _check(self, level: int, now: float) -> None:
        self.handle_deadline(now)
        if level not in self.params.levels:
            raise _refusal(ResponseCode.SubFunctionNotSupported)
        if self.state is SecurityState.DELAYED:
            raise _refusal(ResponseCode.RequiredTimeDelayNotExpired)

    def _wrong_key(self, now: float) -> RemoteProtocolError:
        """Count a wrong key; return what to answer."""
        self._asked = None
        self.failures += 1
        if self.failures < self.params.attempts:
            self._step(SecurityTrigger.WRONG_KEY)
            return _refusal(ResponseCode.InvalidKey)
        self._step(SecurityTrigger.LAST_WRONG_KEY)
        self._delayed_until = now + self.params.delay
        return _refusal(ResponseCode.ExceedNumberOfAttempts)

    def _step(self, trigger: SecurityTrigger) -> None:
        self.state = TABLE.step(self.state, trigger)


def _refusal(code: int) -> RemoteProtocolError:
    return RemoteProtocolError(f"security access: {negative_response_name(code)}", code=code)
