"""What is known of a connector right now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from protocols.link.buses import BusState


@dataclass(frozen=True, slots=True)
class KnownConnector:
    """A connector on record that may dial in.

    Attributes:
        number: its nine-digit number.
        uuid: its name on the link.
        tenant_id: the garage that owns it.
        provider_id: the provider that serves this garage.
        public_keys: Ed25519 keys that are good now, raw 32 bytes each; the newest first, then one
            still in its grace.
    """

    number: int
    uuid: UUID
    tenant_id: int
    provider_id: int
    public_keys: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class ConnectorStatus:
    """The live face of a connector, as reported over its link.

    Attributes:
        online: a link is up (or within its resume window).
        since: when the present state began, UTC.
        vin: read from the vehicle, 17 characters as a rule; not guaranteed.
        voltage: supply voltage at the plug, volts.
        ignition: terminal 15.
        wifi: the device reaches the network by wifi.
        round_trip_ms: link round trip, milliseconds, smoothed.
        software_version: as reported by the firmware.
        hardware_version: as reported by the firmware.
        supports_doip: the device can speak DoIP to the vehicle.
        buses: its vehicle buses.
    """

    online: bool = False
    since: datetime | None = None
    vin: str | None = None
    voltage: float | None = None
    ignition: bool | None = None
    wifi: bool = False
    round_trip_ms: float | None = None
    software_version: int = 0
    hardware_version: int = 0
    supports_doip: bool = False
    buses: tuple[BusState, ...] = ()


OFFLINE = ConnectorStatus()
