"""What waits to be written, in the form that costs the path of an exchange least."""

from __future__ import annotations

import msgspec

from gateway.domain.errors import GatewayError
from gateway.sessions.recorder import Asked
from protocols.link.messages import ExchangeResult
from protocols.recording.records import Answered, Exchange, Record

#: Failure of an exchange whose caller left before the answer came.
ABANDONED = "abandoned"


class Done(msgspec.Struct, frozen=True, gc=False):
    """An exchange as it came; :meth:`record` is for the writer's thread.

    Attributes:
        at: microseconds since 1970.
        asked: the request.
        outcome: what came of it.
        offset_us: what turns the connector's time stamps into microseconds since 1970.
    """

    at: int
    asked: Asked
    outcome: ExchangeResult | GatewayError | None
    offset_us: int

    @property
    def size(self) -> int:
        """About how many bytes it takes."""
        size = 96 + len(self.asked.request)
        if isinstance(self.outcome, ExchangeResult):
            for response in self.outcome.responses:
                size += 48 + len(response.data)
        return size

    def record(self) -> Exchange:
        """Return it as it is written."""
        outcome, asked = self.outcome, self.asked
        answers: tuple[Answered, ...] = ()
        if isinstance(outcome, ExchangeResult):
            answers = _answers(outcome, self.offset_us)
            failure = outcome.failure or None
        else:
            failure = ABANDONED if outcome is None else outcome.code
        return Exchange(
            self.at, asked.target, asked.request, answers, failure, asked.by, asked.seen
        )


def _answers(result: ExchangeResult, offset_us: int) -> tuple[Answered, ...]:
    return tuple(
        [
            Answered(
                it.source, it.data, it.pending, it.sent_us + offset_us, it.received_us + offset_us
            )
            for it in result.responses
        ]
    )


class End(msgspec.Struct, frozen=True, gc=False):
    """Nothing comes after this.

    Attributes:
        keep: there was a session; otherwise nothing of it is kept.
    """

    keep: bool = True


Item = Done | End | Record
