"""What an entity tells its driver."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class CloseReason(Enum):
    """Why an entity ends a TCP_DATA socket."""

    INITIAL_INACTIVITY = "no routing activation within T_TCP_Initial_Inactivity"
    GENERAL_INACTIVITY = "nothing sent or received for T_TCP_General_Inactivity"
    ALIVE_CHECK = "no alive check response within T_TCP_Alive_Check"
    DENIED = "routing activation was denied"
    PROTOCOL = "the stream is no DoIP"
    INVALID_SOURCE = "diagnostic message from a source that is not registered on this socket"
    LOCAL = "the entity's own side ended it"


@dataclass(frozen=True, slots=True)
class RoutingActivated:
    """A client may now send diagnostic messages.

    Attributes:
        connection: number of the socket.
        source: logical address of the client.
        activation_type: as asked for, table 47.
        oem: the OEM field, four bytes or none; tells a driver with several keys which it was.
    """

    connection: int
    source: int
    activation_type: int
    oem: bytes


@dataclass(frozen=True, slots=True)
class ConfirmationWanted:
    """Someone in the vehicle must agree; answer with ``Entity.confirm``."""

    connection: int
    source: int
    activation_type: int


@dataclass(frozen=True, slots=True)
class DiagnosticRequest:
    """A diagnostic message that may go on to its target.

    The driver answers each with ``Entity.accept`` (ack 8002) or ``Entity.refuse`` (nack 8003).

    Attributes:
        connection: number of the socket.
        source: logical address of the client.
        target: logical address of a control unit or a functional group.
        payload: UDS bytes, at least one.
    """

    connection: int
    source: int
    target: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class ConnectionEnding:
    """Send what ``data_to_send`` still holds, close the socket, call ``Entity.disconnected``."""

    connection: int
    reason: CloseReason


EntityEvent = RoutingActivated | ConfirmationWanted | DiagnosticRequest | ConnectionEnding
