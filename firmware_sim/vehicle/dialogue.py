"""What an ECU is asked and what it says: the records that services pass to each other."""

from __future__ import annotations

from dataclasses import dataclass

from udsoncan.ResponseCode import ResponseCode

from protocols.errors import RemoteProtocolError

#: Added to a request's service identifier in a positive response (ISO 14229-1, 8.2).
POSITIVE = 0x40

#: First byte of every negative response.
NEGATIVE = 0x7F

#: Bit of the sub-function that asks for silence instead of a positive response.
SUPPRESS = 0x80

#: Refusals that an ECU keeps to itself when it was addressed functionally (ISO 14229-1, 8.7.3).
SILENT_CODES = frozenset(
    {
        ResponseCode.ServiceNotSupported,
        ResponseCode.SubFunctionNotSupported,
        ResponseCode.RequestOutOfRange,
        ResponseCode.SubFunctionNotSupportedInActiveSession,
        ResponseCode.ServiceNotSupportedInActiveSession,
    }
)


@dataclass(frozen=True, slots=True)
class Request:
    """One request as services see it.

    Attributes:
        payload: all of its bytes, service identifier first.
        now: when it was complete, seconds.
        sub: sub-function without the suppress bit; ``None`` where the service has none.
    """

    payload: bytes
    now: float
    sub: int | None = None

    @property
    def service(self) -> int:
        return self.payload[0]

    def expect_length(self, *lengths: int) -> None:
        """Refuse a request of any other total length."""
        if len(self.payload) not in lengths:
            raise Refusal(ResponseCode.IncorrectMessageLengthOrInvalidFormat)

    def expect_at_least(self, length: int) -> None:
        """Refuse a request that is shorter."""
        if len(self.payload) < length:
            raise Refusal(ResponseCode.IncorrectMessageLengthOrInvalidFormat)

    def word_at(self, offset: int) -> int:
        """Return two bytes as a number; call after the length was checked."""
        return int.from_bytes(self.payload[offset : offset + 2])

    def answer(self, data: bytes = b"") -> bytes:
        """Return the positive response: service, sub-function where there is one, ``data``."""
        head = (
            [self.service + POSITIVE] if self.sub is None else [self.service + POSITIVE, self.sub]
        )
        return bytes(head) + data


@dataclass(frozen=True, slots=True)
class Reply:
    """What a service answers.

    Attributes:
        payload: the whole positive response, or nothing at all where the ECU stays silent.
        work: seconds the ECU needs on top of its usual time; it asks for patience meanwhile.
    """

    payload: bytes
    work: float = 0.0


@dataclass(frozen=True, slots=True)
class TimedResponse:
    """One message of the ECU: what, and how many seconds after the request was complete."""

    delay: float
    payload: bytes


class Refusal(RemoteProtocolError):
    """The request is refused with a negative response code of ISO 14229-1, annex A."""

    def __init__(self, code: int) -> None:
        super().__init__(f"negative response {code:#04x}", code=code)
