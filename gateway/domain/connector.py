"""What is known of a connector right now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class BusStatus:
    """One vehicle bus at a connector.

    Attributes:
        name: ``can0``.
        up: it can be reached.
        fault: why not; empty while it is up.
        bitrate: bit/s; 0 where nobody said, and for DoIP.
        data_bitrate: bit/s of the CAN-FD data phase, likewise.
        listen_only: nothing is sent on it.
        filters: how many filters choose what is let in; 0 lets everything in.
    """

    name: str
    up: bool
    fault: str = ""
    bitrate: int = 0
    data_bitrate: int = 0
    listen_only: bool = False
    filters: int = 0


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
    buses: tuple[BusStatus, ...] = ()


OFFLINE = ConnectorStatus()
