"""What awkward ECUs do wrong; seeded, so that a bad day can be had again.

busy      answers 21 and does nothing
deaf      does not hear the request
silent    does what it was asked to and does not answer: the answer is lost
slow      takes longer, and asks for time as it should
late      takes longer and does not ask for time
pending   sends further 78 before its answer
short     leaves off the end of its answer
long      adds bytes to its answer
foreign   sends an answer that belongs to another request first
repeat    sends its answer again and again
reset     starts anew instead of answering; its session is lost
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable

from udsoncan.ResponseCode import ResponseCode

from firmware_sim.vehicle.dialogue import NEGATIVE, TimedResponse
from firmware_sim.vehicle.quirk_spec import QuirkSpec

#: Bytes that a long answer has too many.
FILLER = 0xA5

#: An answer nobody asked for: service 22 with an identifier of no meaning.
FOREIGN = bytes.fromhex("62FFFF00")

Responses = list[TimedResponse]


class _Rule:
    """One quirk and how often it was due."""

    def __init__(self, spec: QuirkSpec, seed: str) -> None:
        self.spec = spec
        self._random = random.Random(seed)
        self._seen = self._happened = 0

    def strikes(self, request: bytes, session: int) -> bool:
        """Tell whether it happens to this request; asking is what counts."""
        spec = self.spec
        if not request.startswith(spec.request):
            return False
        if spec.sessions and session not in spec.sessions:
            return False
        self._seen += 1
        if self._seen <= spec.skip or self._happened == spec.times:
            return False
        if self._random.random() >= spec.chance:
            return False
        self._happened += 1
        return True


class Quirks:
    """The bad habits of one ECU."""

    def __init__(self, specs: Iterable[QuirkSpec], seed: str) -> None:
        self._rules = [_Rule(spec, f"{seed}/quirk/{number}") for number, spec in enumerate(specs)]

    def due(self, request: bytes, session: int) -> tuple[QuirkSpec, ...]:
        """Return what happens to this request."""
        return tuple(rule.spec for rule in self._rules if rule.strikes(request, session))


def extra_work(quirks: Iterable[QuirkSpec]) -> float:
    """Return the seconds that slowness adds to a request's work."""
    return sum(quirk.seconds for quirk in quirks if quirk.kind == "slow")


def distort(quirks: Iterable[QuirkSpec], request: bytes, responses: Responses) -> Responses:
    """Return what becomes of the responses to a request."""
    for quirk in quirks:
        change = _CHANGES.get(quirk.kind)
        if change is not None and responses:
            responses = change(quirk, request, responses)
    return responses


def _silent(_quirk: QuirkSpec, _request: bytes, _responses: Responses) -> Responses:
    return []


def _late(quirk: QuirkSpec, _request: bytes, responses: Responses) -> Responses:
    return [TimedResponse(each.delay + quirk.seconds, each.payload) for each in responses]


def _pending(quirk: QuirkSpec, request: bytes, responses: Responses) -> Responses:
    code = ResponseCode.RequestCorrectlyReceived_ResponsePending
    message = bytes([NEGATIVE, request[0], code])
    first = responses[0].delay
    more = [TimedResponse(first + quirk.seconds * step, message) for step in range(quirk.count)]
    return more + [
        TimedResponse(each.delay + quirk.seconds * quirk.count, each.payload) for each in responses
    ]


def _short(quirk: QuirkSpec, _request: bytes, responses: Responses) -> Responses:
    *others, last = responses
    kept = max(1, len(last.payload) - quirk.count)
    return [*others, TimedResponse(last.delay, last.payload[:kept])]


def _long(quirk: QuirkSpec, _request: bytes, responses: Responses) -> Responses:
    *others, last = responses
    return [*others, TimedResponse(last.delay, last.payload + bytes([FILLER]) * quirk.count)]


def _foreign(_quirk: QuirkSpec, _request: bytes, responses: Responses) -> Responses:
    return [TimedResponse(responses[0].delay, FOREIGN), *responses]


def _repeat(quirk: QuirkSpec, _request: bytes, responses: Responses) -> Responses:
    last = responses[-1]
    return responses + [
        TimedResponse(last.delay + quirk.seconds * step, last.payload)
        for step in range(1, quirk.count + 1)
    ]


_CHANGES: dict[str, Callable[[QuirkSpec, bytes, Responses], Responses]] = {
    "silent": _silent,
    "late": _late,
    "pending": _pending,
    "short": _short,
    "long": _long,
    "foreign": _foreign,
    "repeat": _repeat,
}
