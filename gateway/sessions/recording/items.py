"""What waits to be written, in the form that costs the path of an exchange least."""

from __future__ import annotations

import msgspec

from gateway.domain.errors import GatewayError
from gateway.sessions.recorder import Asked
from protocols.link.messages import ExchangeResponse, ExchangeResult
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
            size += sum(48 + len(response.data) for response in self.outcome.responses)
        return size

    def record(self) -> Exchange:
        """Return it as it is written."""
        answers: tuple[Answered, ...] = ()
        failure: str | None = None
        match self.outcome:
            case ExchangeResult() as result:
                answers = tuple(self._answered(response) for response in result.responses)
                failure = result.failure or None
            case GatewayError() as error:
                failure = error.code
            case None:
                failure = ABANDONED
        asked = self.asked
        return Exchange(
            self.at, asked.target, asked.request, answers, failure, asked.by, asked.seen
        )

    def _answered(self, response: ExchangeResponse) -> Answered:
        return Answered(
            response.source,
            response.data,
            response.pending,
            response.sent_us + self.offset_us,
            response.received_us + self.offset_us,
        )


class End(msgspec.Struct, frozen=True, gc=False):
    """Nothing comes after this.

    Attributes:
        keep: there was a session; otherwise nothing of it is kept.
    """

    keep: bool = True


Item = Done | End | Record
