"""Which answer belongs to a request.

A late answer of an earlier request must never pass for this one's, so an answer has to repeat what
the standard makes it repeat: its service, and the sub-function, identifiers or counter behind it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from typing_extensions import override

from protocols.errors import LocalProtocolError
from protocols.uds.names import (
    BUSY_REPEAT_REQUEST,
    RESPONSE_OFFSET,
    RESPONSE_PENDING,
    TEMPORARILY_NOT_AVAILABLE,
    is_negative,
    service_name,
)

#: suppressPosRspMsgIndicationBit of the sub-function byte (ISO 14229-1, 8.2.2).
SUPPRESS_POSITIVE_RESPONSE = 0x80

#: Services whose second byte is a sub-function (ISO 14229-1, table 23).
SUB_FUNCTION_SERVICES = frozenset(
    {0x10, 0x11, 0x19, 0x27, 0x28, 0x29, 0x2C, 0x31, 0x3E, 0x83, 0x85, 0x86, 0x87}
)
#: SecurityAccess and Authentication: a repeat could count as an attempt, so nobody repeats them.
NEVER_REPEATED = frozenset({0x27, 0x29})

#: Bytes behind the service id that a positive answer repeats, where it is a fixed number.
_ECHOED = {
    **dict.fromkeys(SUB_FUNCTION_SERVICES, 1),
    **dict.fromkeys((0x05, 0x08, 0x36, 0x38, 0x3D), 1),
    **dict.fromkeys((0x24, 0x2E, 0x2F), 2),
    0x31: 3,
}
#: Services that ask for several things at once; the answer begins with one of them, as an ECU
#: leaves out those that it does not have. The value is the width of one of them.
_ASKS_FOR_SEVERAL = {0x22: 2, 0x01: 1, 0x02: 2, 0x06: 1, 0x09: 1}


class AnswerKind(Enum):
    """What an answer means for the exchange."""

    FINAL = auto()
    PENDING = auto()
    BUSY = auto()
    FOREIGN = auto()


@dataclass(frozen=True, slots=True)
class Expectation:
    """What can be said about the answers of a request before any has come.

    Attributes:
        sid: service of the request.
        prefixes: what a positive answer begins with, one of these.
        suppressed: the request asks for silence instead of a positive answer.
        repeatable: a busy ECU may be asked again without asking the operator.
    """

    sid: int
    prefixes: tuple[bytes, ...]
    suppressed: bool
    repeatable: bool

    @classmethod
    def of(cls, request: bytes) -> Expectation:
        """Return what to expect of a request.

        Raises:
            LocalProtocolError: no request: empty, or the service id is one of an answer.
        """
        if not request or request[0] & RESPONSE_OFFSET:
            raise LocalProtocolError(
                f"{request[:4].hex()!r} does not begin with a request service"
            )
        sid = request[0]
        suppressed = (
            sid in SUB_FUNCTION_SERVICES
            and len(request) > 1
            and bool(request[1] & SUPPRESS_POSITIVE_RESPONSE)
        )
        return cls(sid, _prefixes(request), suppressed, sid not in NEVER_REPEATED)

    def kind_of(self, payload: bytes) -> AnswerKind:
        """Tell what a payload means for this request."""
        if not is_negative(payload):
            return AnswerKind.FINAL if payload.startswith(self.prefixes) else AnswerKind.FOREIGN
        if payload[1] != self.sid:
            return AnswerKind.FOREIGN
        if payload[2] == RESPONSE_PENDING:
            return AnswerKind.PENDING
        if self.repeatable and payload[2] in {BUSY_REPEAT_REQUEST, TEMPORARILY_NOT_AVAILABLE}:
            return AnswerKind.BUSY
        return AnswerKind.FINAL

    @override
    def __str__(self) -> str:
        """Name the service, for the detail of a failure."""
        return service_name(self.sid)


def _prefixes(request: bytes) -> tuple[bytes, ...]:
    sid, asked = request[0], request[1:]
    head = bytes([sid + RESPONSE_OFFSET])
    if (width := _ASKS_FOR_SEVERAL.get(sid)) is not None:
        items = (asked[i : i + width] for i in range(0, len(asked), width))
        return tuple(dict.fromkeys(head + item for item in items)) or (head,)
    echo = asked[: _ECHOED.get(sid, 0)]
    if sid in SUB_FUNCTION_SERVICES and echo:
        echo = bytes([echo[0] & ~SUPPRESS_POSITIVE_RESPONSE]) + echo[1:]
    return (head + echo,)
