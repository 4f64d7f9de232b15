"""One exchange of a tester: a request, its repeats, and every answer that belongs to it.

Theory of operation. A physical exchange waits for one ECU, a functional one gathers the answers of
all. Each wait has one deadline: P2 after the request was sent, P2* after each 0x78. An answer that
has begun to arrive stops the wait (``reception_started``), since P2 ends with the first frame.

Rules:

* 0x78 (response pending) is never a reason to repeat; all of them together are bounded, in
  time and in number.
* 0x21 and 0x94 (busy) repeat the request after a pause, bounded; never for security access and
  authentication, and not after a 0x78 or in a functional exchange, where they are final answers.
* With suppressPosRspMsgIndicationBit, silence for P2 is success; after a 0x78 it is not, because
  then the final answer comes in any case (ISO 14229-1, 7.5.5).
* What does not belong to the request is counted and changes nothing, and so is everything that
  comes while the request is not yet sent: it can only be late. It stops the wait while it arrives,
  since nobody knows yet what it is, but once it has, what comes after P2 stops nothing.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import ClassVar

from protocols.errors import LocalProtocolError
from protocols.uds.answers import AnswerKind, Expectation
from protocols.uds.outcome import (
    ExchangeEvent,
    ExchangeFailure,
    FailureReason,
    Finished,
    ResponsePending,
    UdsResponse,
)
from protocols.uds.policy import ExchangePolicy
from protocols.uds.tester_states import TABLE, State, Trigger

#: ECUs that one functional request can gather; a bus has fewer, a flood has more.
MAX_SOURCES = 256
#: Unread events; the oldest gives way, so the last one, the outcome, never does.
MAX_EVENTS = 64


_FINISHED = TABLE.final
_LISTENING = frozenset({State.WAITING, State.PENDING, State.GATHERING})
_ALL = -1  # key of the wait that belongs to no ECU in particular; sources are never negative


@dataclass(slots=True)
class _Wait:
    """What is left of somebody's time to answer."""

    until: float
    count: int = 0
    limit: float | None = None
    held: float | None = None  # ``until`` as it was before an answer began to arrive
    misled: bool = False  # what arrived was not what we wait for


class TesterExchange:
    """One exchange; made for one request and thrown away after :class:`Finished`.

    Attributes:
        request: what is asked.
        policy: how long to wait for what.
        functional: ask everybody and gather.
        state: see the table.
        ignored: answers that did not belong here, counted.
    """

    #: Pytest would take the class for a test in every module that imports it.
    __test__: ClassVar[bool] = False

    def __init__(
        self, request: bytes, policy: ExchangePolicy, *, functional: bool = False
    ) -> None:
        self.request = request
        self.policy = policy
        self.functional = functional
        self.state = TABLE.initial
        self.ignored = 0
        self._expected = Expectation.of(request)
        self._to_send: bytes | None = None
        self._waits: dict[int, _Wait] = {}
        self._busy_since: float | None = None
        self._repeat_at = 0.0
        self._sent_at = 0.0
        self._responses: list[UdsResponse] = []
        self._shortfall: ExchangeFailure | None = None
        self._last_refusal: UdsResponse | None = None
        self._stranger: bytes | None = None
        self._events: deque[ExchangeEvent] = deque(maxlen=MAX_EVENTS)

    # ------------------------------------------------------------ what the driver does

    def start(self, now: float) -> None:
        """Begin; ``data_to_send`` has the request."""
        del now
        self._step(Trigger.START)
        self._to_send = self.request

    def data_to_send(self) -> bytes | None:
        """Return the request, once each time it is to be sent."""
        data, self._to_send = self._to_send, None
        return data

    def sent(self, now: float) -> None:
        """Take note that the transport has sent the request: P2 begins.

        Raises:
            LocalProtocolError: nothing was being sent.
        """
        self._step(Trigger.SENT_TO_ALL if self.functional else Trigger.SENT)
        self._sent_at = now
        self._waits = {_ALL: _Wait(now + self.policy.p2_client)}

    def reception_started(self, source: int, now: float) -> None:
        """Take note that an answer has begun to arrive: P2 has been kept, its end may take long.

        Transports that deliver whole payloads at once need not call it.
        """
        key = self._key(source)
        if self.state not in _LISTENING or (key not in self._waits and self._is_full()):
            return
        wait = self._waits.setdefault(key, _Wait(now))
        if wait.misled and wait.until <= now:
            return
        if wait.held is None:
            wait.held = wait.until
            wait.until = now + self.policy.reception_limit

    def receive(self, payload: bytes, source: int, now: float) -> bool:
        """Take an answer; return whether it belonged to this exchange."""
        kind = self._expected.kind_of(payload)
        if self.state not in _LISTENING or self._has_answered(source):
            kind = AnswerKind.FOREIGN
        elif kind is AnswerKind.BUSY and not TABLE.allows(self.state, Trigger.REFUSAL):
            kind = AnswerKind.FINAL
        if kind is AnswerKind.FOREIGN:
            self._receive_foreign(payload, source)
        elif kind is AnswerKind.PENDING:
            self._receive_pending(source, now)
        elif kind is AnswerKind.BUSY:
            self._receive_busy(self._response(payload, source, now), now)
        else:
            self._receive_final(self._response(payload, source, now))
        return kind is not AnswerKind.FOREIGN

    def transport_failed(self, reason: str, now: float, source: int | None = None) -> None:
        """Take note that the transport lost the request, or an answer.

        Args:
            reason: what happened, for the operator.
            now: seconds.
            source: whose answer was lost; the others of a functional exchange go on.

        Raises:
            LocalProtocolError: the exchange has not begun.
        """
        del now
        if self.state in _FINISHED:
            return
        failure = ExchangeFailure(FailureReason.TRANSPORT, f"{self._expected}: {reason}")
        if self.state is State.GATHERING and source is not None:
            self._waits.pop(source, None)
            self._shortfall = self._shortfall or failure
            self._close_gathering()
            return
        self._fail(Trigger.FAULT, failure)

    def next_deadline(self) -> float | None:
        """Return when :meth:`handle_deadline` is due, or ``None``."""
        if self.state is State.BUSY:
            return self._repeat_at
        if self.state not in _LISTENING:
            return None
        return min(wait.until for wait in self._waits.values())

    def handle_deadline(self, now: float) -> None:
        """Act upon whatever is due; harmless where nothing is."""
        due = self.next_deadline()
        if due is None or now < due:
            return
        if self.state is State.BUSY:
            self._repeat(now)
        elif self.state is State.GATHERING:
            self._expire_gathering(now)
        else:
            self._expire()

    @property
    def pending(self) -> bool:
        """Tell whether the ECU has asked for more time and is at work on the request."""
        return self.state is State.PENDING

    def next_event(self) -> ExchangeEvent | None:
        """Return the oldest event that was not read yet."""
        return self._events.popleft() if self._events else None

    # ------------------------------------------------------------ answers

    def _receive_foreign(self, payload: bytes, source: int) -> None:
        self.ignored += 1
        if self.state not in _LISTENING:
            return
        self._stranger = payload[:8]
        wait = self._waits.get(self._key(source))
        if wait is not None and wait.held is not None:  # what arrived was not what we wait for
            wait.until, wait.held, wait.misled = wait.held, None, True

    def _receive_pending(self, source: int, now: float) -> None:
        key = self._key(source)
        if key not in self._waits and self._is_full():
            self.ignored += 1
            return
        self._step(Trigger.PROMISE)
        wait = self._waits.setdefault(key, _Wait(now))
        if wait.limit is None:
            wait.limit = now + self.policy.pending_limit
        wait.count += 1
        wait.held = None
        wait.until = min(now + self.policy.p2_star_client, wait.limit)
        if wait.count >= self.policy.pending_count:
            wait.limit = wait.until = now  # enough: due at once
        self._events.append(ResponsePending(source, wait.count))

    def _receive_busy(self, refusal: UdsResponse, now: float) -> None:
        self._step(Trigger.REFUSAL)
        self._last_refusal = refusal
        if self._busy_since is None:
            self._busy_since = now
        limit = self._busy_since + self.policy.busy_limit
        self._repeat_at = min(now + self.policy.busy_interval, limit)

    def _receive_final(self, response: UdsResponse) -> None:
        self._step(Trigger.ANSWER)
        self._responses.append(response)
        if self.state is State.DONE:
            self._finish(None)
            return
        self._waits.pop(response.source, None)
        self._close_gathering()

    # ------------------------------------------------------------ time

    def _repeat(self, now: float) -> None:
        """Ask again, or stop asking."""
        since = self._busy_since if self._busy_since is not None else now
        if now < since + self.policy.busy_limit:
            self._step(Trigger.REPEAT)
            self._to_send = self.request
            return
        if self._last_refusal is not None:
            self._responses.append(self._last_refusal)
        detail = f"{self._expected}: the ECU stayed busy for {self.policy.busy_limit:g} s"
        self._fail(Trigger.EXPIRED, ExchangeFailure(FailureReason.BUSY_TOO_LONG, detail))

    def _expire(self) -> None:
        """End a physical exchange whose answer did not come."""
        wait = self._waits[_ALL]
        silent = self.state is State.WAITING and wait.held is None
        if silent and self._expected.suppressed:
            self._step(Trigger.SILENCE)
            self._finish(None)
        else:
            self._fail(Trigger.EXPIRED, self._reason_of(wait, "the ECU"))

    def _expire_gathering(self, now: float) -> None:
        """Stop waiting for those whose time is over."""
        for source, wait in tuple(self._waits.items()):
            if wait.until <= now:
                del self._waits[source]
                if source != _ALL:
                    failure = self._reason_of(wait, f"ECU {source:#x}")
                    self._shortfall = self._shortfall or failure
        self._close_gathering()

    def _close_gathering(self) -> None:
        """End a functional exchange when nobody's time is left."""
        if self._waits:
            return
        failure = self._shortfall
        if failure is None and not self._responses and not self._expected.suppressed:
            failure = self._reason_of(_Wait(0.0), "every ECU")
        if failure is None:
            self._step(Trigger.SILENCE)
            self._finish(None)
        else:
            self._fail(Trigger.EXPIRED, failure)

    def _reason_of(self, wait: _Wait, who: str) -> ExchangeFailure:
        """Say why a wait has ended without an answer."""
        if wait.held is not None:
            text = f"the answer of {who} began and did not end"
            return ExchangeFailure(FailureReason.TRANSPORT, f"{self._expected}: {text}")
        if wait.limit is not None and wait.until >= wait.limit:
            text = (
                f"{who} asked for more time {wait.count} times; it gets "
                f"{self.policy.pending_limit:g} s and {self.policy.pending_count} times at most"
            )
            return ExchangeFailure(FailureReason.PENDING_TOO_LONG, f"{self._expected}: {text}")
        if wait.count:
            text = f"{who} asked for more time {wait.count} times and then stayed silent"
            return ExchangeFailure(FailureReason.NO_RESPONSE, f"{self._expected}: {text}")
        if self._stranger is not None:
            text = f"only answers to something else came, the last {self._stranger.hex()}"
            return ExchangeFailure(FailureReason.UNEXPECTED, f"{self._expected}: {text}")
        text = f"{who} stayed silent for {self.policy.p2_client:g} s"
        return ExchangeFailure(FailureReason.NO_RESPONSE, f"{self._expected}: {text}")

    # ------------------------------------------------------------ small parts

    def _step(self, trigger: Trigger) -> None:
        self.state = TABLE.step(self.state, trigger)

    def _key(self, source: int) -> int:
        """Return whose wait an answer of ``source`` belongs to."""
        if source < 0:
            raise LocalProtocolError(f"{source} is no CAN identifier and no logical address")
        return source if self.functional else _ALL

    def _is_full(self) -> bool:
        return len(self._waits) + len(self._responses) > MAX_SOURCES

    def _has_answered(self, source: int) -> bool:
        """Tell whether a source has given its answer already: a second one is foreign."""
        return self.functional and any(it.source == source for it in self._responses)

    def _response(self, payload: bytes, source: int, now: float) -> UdsResponse:
        wait = self._waits.get(self._key(source))
        return UdsResponse(source, payload, wait.count if wait else 0, self._sent_at, now)

    def _fail(self, trigger: Trigger, failure: ExchangeFailure) -> None:
        self._step(trigger)
        self._finish(failure)

    def _finish(self, failure: ExchangeFailure | None) -> None:
        self._to_send = None
        self._waits.clear()
        self._events.append(Finished(tuple(self._responses), failure, self.ignored))
