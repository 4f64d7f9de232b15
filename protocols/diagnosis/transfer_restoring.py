"""A vehicle on its way to its safe state after a transfer job.

First the steps that the order declares for this, then whatever is still open. What cannot be
closed is said, and does not keep the rest from being closed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from protocols.diagnosis.transfer_debts import Debt, Debts
from protocols.diagnosis.transfer_outcome import Carried, Refused, Silent
from protocols.diagnosis.transfer_records import Ask
from protocols.diagnosis.transfer_state import JobState
from protocols.link.jobs import Step, StepKind, TransferOrder

#: Negative responses that mean: it is in its default session, where everything is as it should
#: be. 7E sub-function, 7F service not supported in the active session.
_NOT_IN_SESSION = frozenset({0x7E, 0x7F})


class Restoring:
    """One job's way to the safe state.

    Args:
        order: whose control units these are.
        declared: the order's own steps for this.
        debts: what is open.
        outcome: how the job ends once this is done.

    Attributes:
        wait: seconds to wait before the next request, where a step said so.
    """

    def __init__(
        self, order: TransferOrder, declared: Iterable[Step], debts: Debts, outcome: JobState
    ) -> None:
        self.outcome = outcome
        self.wait = 0.0
        self._order = order
        self._steps = deque(declared)
        self._debts = debts
        self._refused: dict[Debt, str] = {}
        self._trouble: list[str] = []

    def next(self) -> Ask | None:
        """Return the next request; ``None`` with a ``wait``, and without one at the end."""
        self.wait = 0.0
        if self._steps:
            step = self._steps[0]
            if step.kind != StepKind.WAIT:
                return ask_step(self._order, step)
            self._steps.popleft()
            self.wait = step.wait_ms / 1000
            return None
        for debt in self._debts.owed():
            if debt not in self._refused:
                target = self._order.functional if debt.functional else self._order.target
                return Ask(target, debt.request, debt.functional)
        return None

    def took(self, asked: Ask, outcome: Carried | Refused | Silent) -> None:
        """Take what came of a request; one that was carried out has settled its debts."""
        text = "" if isinstance(outcome, Carried) else outcome.text
        if asked.step is not None:
            self._steps.popleft()
            if text and not asked.step.optional:
                self._trouble.append(_short(asked.request, text))
            return
        debt = Debt(asked.functional, asked.request)
        if isinstance(outcome, Refused) and outcome.code in _NOT_IN_SESSION:
            self._debts.settle(debt)
        elif text:
            self._refused[debt] = _short(asked.request, text)

    def trouble(self) -> list[str]:
        """Return what could not be closed, for people; nothing is the safe state."""
        return self._trouble + [self._refused[debt] for debt in self._debts.owed()]


def ask_step(order: TransferOrder, step: Step) -> Ask:
    """Return the request of a declared step."""
    target = order.functional if step.functional else order.target
    return Ask(target, step.request, step.functional, step=step)


def _short(request: bytes, text: str) -> str:
    return f"{request[:3].hex(' ').upper()}: {text}"
