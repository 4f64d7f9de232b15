"""The vehicle's UDP side of DoIP: identification, status, power mode, announcements.

Rules (ISO 13400-2:2019, 7.1.3 to 7.1.6)
- One request, at most one answer, one message in one datagram.
- A request with an EID or VIN that is not ours is not answered: it is for another vehicle.
- Answers and announcements of other entities on the same network are none of our business, and a
  NACK is never answered by a NACK.
- After start-up the vehicle announces itself A_DoIP_Announce_Num times, one interval apart.
"""

# doipclient ships no annotations, so building its messages is an untyped call.
# mypy: allow-untyped-calls

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from doipclient.constants import A_DOIP_ACCOUNCE_MAX_WAIT as LONGEST_ANNOUNCE_WAIT
from doipclient.constants import A_DOIP_ANNOUNCE_INTERVAL, A_DOIP_ANNOUNCE_NUM
from doipclient.messages import (
    DiagnosticPowerModeRequest,
    DiagnosticPowerModeResponse,
    DoipEntityStatusRequest,
    EntityStatusResponse,
    GenericDoIPNegativeAcknowledge,
    VehicleIdentificationRequest,
    VehicleIdentificationRequestWithEID,
    VehicleIdentificationRequestWithVIN,
    VehicleIdentificationResponse,
)

from protocols.doip.codec import Message, decode_datagram, encode
from protocols.doip.header import DoipError, ProtocolVersion
from protocols.doip.settings import EntitySettings
from protocols.errors import LocalProtocolError

PowerMode = DiagnosticPowerModeResponse.DiagnosticPowerMode

#: Requests an entity answers over UDP, and what other entities say that it leaves alone.
UDP_TYPES = frozenset({0x0000, 0x0001, 0x0002, 0x0003, 0x0004, 0x4001, 0x4002, 0x4003, 0x4004})
#: The longest of them is an announcement of 33 bytes.
_MAX_LENGTH = 64


class Discovery:
    """Answers whoever looks for vehicles.

    Args:
        settings: of the entity.
        open_sockets: how many TCP_DATA sockets are connected right now.

    Attributes:
        power_mode: what a power mode request is answered with; change it at will.
    """

    def __init__(self, settings: EntitySettings, *, open_sockets: Callable[[], int]) -> None:
        self.power_mode: PowerMode = PowerMode.Ready
        self._settings = settings
        self._open_sockets = open_sockets
        self._announcements_left = 0
        self._announce_at = 0.0
        # Any: the handlers take different message classes; the key is the class.
        self._handlers: dict[type, Callable[[Any], Message | None]] = {
            VehicleIdentificationRequest: lambda _request: self._identity(),
            VehicleIdentificationRequestWithEID: self._identify_eid,
            VehicleIdentificationRequestWithVIN: self._identify_vin,
            DoipEntityStatusRequest: self._status,
            DiagnosticPowerModeRequest: self._power,
        }

    def receive(self, datagram: bytes) -> bytes | None:
        """Take a datagram; return the one to send back to its sender, if any."""
        try:
            packet = decode_datagram(datagram, _MAX_LENGTH, UDP_TYPES)
        except DoipError as error:
            if error.code is None:
                return None
            return encode(GenericDoIPNegativeAcknowledge(error.code))
        handler = self._handlers.get(type(packet.message))
        answer = handler(packet.message) if handler is not None else None
        return None if answer is None else encode(answer, _answering(packet.version))

    def start_announcing(self, now: float, wait: float = 0.0) -> None:
        """Announce the vehicle from ``now + wait`` on.

        Args:
            now: seconds.
            wait: drawn at random by the caller, 0 to 0.5 s, so that the entities of a vehicle
                do not all speak at once (A_DoIP_Announce_Wait).

        Raises:
            LocalProtocolError: the wait is longer than the standard allows.
        """
        if not 0.0 <= wait <= LONGEST_ANNOUNCE_WAIT:
            raise LocalProtocolError(
                f"announce wait is 0 to {LONGEST_ANNOUNCE_WAIT} s, not {wait}"
            )
        self._announcements_left = A_DOIP_ANNOUNCE_NUM
        self._announce_at = now + wait

    def next_deadline(self) -> float | None:
        """Return when the next announcement is due."""
        return self._announce_at if self._announcements_left else None

    def handle_deadline(self, now: float) -> bytes | None:
        """Return the announcement to send to everyone, if one is due."""
        if not self._announcements_left or now < self._announce_at:
            return None
        self._announcements_left -= 1
        self._announce_at += A_DOIP_ANNOUNCE_INTERVAL
        return encode(self._identity())

    def _identity(self) -> VehicleIdentificationResponse:
        settings = self._settings
        return VehicleIdentificationResponse(
            settings.vin,
            settings.logical_address,
            settings.eid,
            settings.gid,
            settings.further_action,
            0x00 if settings.synchronised else 0x10,
        )

    def _identify_eid(
        self, request: VehicleIdentificationRequestWithEID
    ) -> VehicleIdentificationResponse | None:
        return self._identity() if request.eid == self._settings.eid else None

    def _identify_vin(
        self, request: VehicleIdentificationRequestWithVIN
    ) -> VehicleIdentificationResponse | None:
        return self._identity() if request.vin == self._settings.vin else None

    def _status(self, _request: DoipEntityStatusRequest) -> EntityStatusResponse:
        settings = self._settings
        return EntityStatusResponse(
            settings.node_type,
            settings.max_sockets,
            min(self._open_sockets(), 0xFF),
            settings.max_data_size,
        )

    def _power(self, _request: DiagnosticPowerModeRequest) -> DiagnosticPowerModeResponse:
        return DiagnosticPowerModeResponse(self.power_mode)


def _answering(version: int) -> int:
    """Answer in the client's version; a client that knows none gets the most widespread one."""
    return ProtocolVersion.ISO_2012 if version == ProtocolVersion.ANY else version
