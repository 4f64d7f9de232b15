"""How patient a tester is (ISO 14229-2, clause 7; all values in seconds)."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

from udsoncan.exceptions import InvalidResponseException
from udsoncan.Response import Response
from udsoncan.services.DiagnosticSessionControl import DiagnosticSessionControl

from protocols.errors import LocalProtocolError


@dataclass(frozen=True, slots=True)
class ExchangePolicy:
    """The times and bounds of one exchange.

    Attributes:
        p2: the ECU begins to answer within this.
        p2_star: the ECU answers, or asks for more time again, within this after a 0x78.
        margin: what bus, gateway ECU and our own scheduling may add to both; over a network that
            is not the vehicle's own, at least its round trip.
        pending_limit: bound of all the time that an ECU can ask for with 0x78.
        pending_count: how often it can ask for it in one exchange. With P2* of 5 s the time is
            the bound; one that floods the bus with 0x78 is not waited for that long.
        busy_interval: pause before a request is repeated after 0x21 or 0x94.
        busy_limit: bound of all the time that repeating may take.
        reception_limit: bound of an answer that has begun to arrive. The transport's own timers
            end a broken one long before; 585 frames with the longest separation take 75 s.
    """

    p2: float = 0.05
    p2_star: float = 5.0
    margin: float = 0.1
    pending_limit: float = 25.0
    pending_count: int = 512
    busy_interval: float = 0.2
    busy_limit: float = 25.0
    reception_limit: float = 120.0

    def __post_init__(self) -> None:
        """Raise LocalProtocolError for times below zero, or an answer time of zero."""
        for field in fields(self):
            if not getattr(self, field.name) >= 0:
                raise LocalProtocolError(f"policy: {field.name} is a number from 0")
        if self.p2_client <= 0 or self.p2_star_client <= 0:
            raise LocalProtocolError("policy: no time at all to answer")

    @property
    def p2_client(self) -> float:
        """How long a tester waits for the beginning of an answer."""
        return self.p2 + self.margin

    @property
    def p2_star_client(self) -> float:
        """How long a tester waits after a 0x78."""
        return self.p2_star + self.margin

    def adopt(self, session_response: bytes) -> ExchangePolicy:
        """Return this policy with the P2 and P2* that an ECU states when it changes its session.

        A negative answer, an answer of another service, one without times (ISO 14229:2006), and
        times of zero change nothing.
        """
        response = Response.from_payload(session_response)
        if not response.positive or response.service is not DiagnosticSessionControl:
            return self
        try:
            stated = DiagnosticSessionControl.interpret_response(response).service_data
        except InvalidResponseException:
            return self
        return replace(
            self,
            p2=stated.p2_server_max or self.p2,
            p2_star=stated.p2_star_server_max or self.p2_star,
        )
