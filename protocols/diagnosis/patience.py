"""How patient a tester is with each control unit: what the control unit states itself counts."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace

from protocols.link.vehicle import Target
from protocols.uds.outcome import Finished
from protocols.uds.policy import ExchangePolicy

#: Control units whose own times are remembered; the one that stated them longest ago gives way.
REMEMBERED = 256

#: Service 10, DiagnosticSessionControl, and its positive answer.
_SESSION_CONTROL, _SESSION_CHANGED = 0x10, 0x50


class Patience:
    """The policies of the control units of one vehicle.

    Args:
        first: for control units that have stated nothing yet.
    """

    def __init__(self, first: ExchangePolicy) -> None:
        self.first = first
        self._stated: OrderedDict[Target, ExchangePolicy] = OrderedDict()

    def of(self, target: Target, *, more_margin: float = 0.0) -> ExchangePolicy:
        """Return how long to wait for ``target``.

        Args:
            target: whom to ask.
            more_margin: seconds that the way to the bus adds, there and back.
        """
        policy = self._stated.get(target, self.first)
        return replace(policy, margin=policy.margin + more_margin) if more_margin else policy

    def saw(self, target: Target, request: bytes, outcome: Finished) -> None:
        """Take over the P2 and P2* that a control unit states when its session changes.

        Of several answers none is everybody's, so those change nothing.
        """
        if request[:1] != bytes([_SESSION_CONTROL]) or len(outcome.responses) != 1:
            return
        answer = outcome.responses[0].payload
        if answer[:1] != bytes([_SESSION_CHANGED]):
            return
        self._stated[target] = self.first.adopt(answer)
        self._stated.move_to_end(target)
        if len(self._stated) > REMEMBERED:
            self._stated.popitem(last=False)
