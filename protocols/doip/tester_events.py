"""What a tester tells its driver."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class CloseCause(Enum):
    """Why a connection to an entity is over."""

    DENIED = "denied"  # routing activation, with its code (table 49)
    TIMEOUT = "timeout"  # no answer to the routing activation
    PROTOCOL = "protocol"  # the entity's stream is no DoIP
    LOST = "lost"  # closed by the entity or the network
    LOCAL = "local"


class DeliveryFault(Enum):
    """Why a diagnostic message did not reach its target."""

    REFUSED = "refused"  # 8003, with its code (table 26)
    HEADER_REFUSED = "header refused"  # generic NACK, with its code (table 19)
    NO_ACKNOWLEDGEMENT = "no acknowledgement"
    CONNECTION_LOST = "connection lost"


@dataclass(frozen=True, slots=True)
class RoutingReady:
    """Diagnostic messages may be sent. ``entity`` is the address of the one that routes them."""

    entity: int


@dataclass(frozen=True, slots=True)
class DeliveryConfirmed:
    """The message is on its way in the vehicle (8002)."""

    number: int
    target: int


@dataclass(frozen=True, slots=True)
class DeliveryFailed:
    """The message is not on its way. ``code`` belongs to ``fault``; see there."""

    number: int
    target: int
    fault: DeliveryFault
    code: int | None = None


@dataclass(frozen=True, slots=True)
class DiagnosticReceived:
    """A control unit sent something."""

    source: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class ConnectionClosed:
    """The connection is over; close the socket.

    Attributes:
        cause: for programs.
        detail: for people.
        code: routing activation response code where the cause is a denial.
    """

    cause: CloseCause
    detail: str
    code: int | None = None


DoipTesterEvent = (
    RoutingReady | DeliveryConfirmed | DeliveryFailed | DiagnosticReceived | ConnectionClosed
)
