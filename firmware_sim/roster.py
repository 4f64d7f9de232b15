"""Many connectors in one process: a JSON file that says which dial in, and from what vehicles.

    [{"gateway": "ws://127.0.0.1:8443/link/v1", "uuid": "...", "key": "BASE64",
      "vehicle": "golf", "seed": 0}, ...]

Keys stand in a file rather than on the command line, where every user of the machine reads them.
"""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from uuid import UUID

import msgspec

from firmware_sim.assembly import SettingsError, VehicleSettings
from firmware_sim.firmware.link import Identity

#: Bytes of an Ed25519 private key.
KEY_SIZE = 32


class RosterEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One connector.

    Attributes:
        gateway: link port, ``ws://`` or ``wss://``.
        uuid: who it is.
        key: its private key, 32 bytes in base64.
        vehicle: name of a vehicle of the package, or path of a YAML file; a fleet's
            connectors have none.
        vin: another identification number.
        seed: makes everything that is random.
        bus: where its CAN bus is.
    """

    gateway: str
    uuid: UUID
    key: str
    vehicle: str = "golf"
    vin: str | None = None
    seed: int = 0
    bus: str | None = None

    @property
    def identity(self) -> Identity:
        """Who dials in.

        Raises:
            SettingsError: the key is no key; its text is not repeated, being a secret.
        """
        return Identity(str(self.uuid), private_key(self.key))

    @property
    def settings(self) -> VehicleSettings:
        """The vehicle it sits in."""
        return VehicleSettings(vehicle=self.vehicle, vin=self.vin, seed=self.seed, bus=self.bus)


def private_key(text: str) -> bytes:
    """Return a private key from its base64.

    Raises:
        SettingsError: it is no base64, or not 32 bytes.
    """
    try:
        key = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        raise SettingsError("the key is no base64") from None
    if len(key) != KEY_SIZE:
        raise SettingsError(f"the key has {len(key)} bytes instead of {KEY_SIZE}")
    return key


def read_roster(path: Path) -> tuple[RosterEntry, ...]:
    """Return the connectors of a file.

    Raises:
        SettingsError: it cannot be read, or is no roster; says where.
    """
    try:
        entries = msgspec.json.decode(path.read_bytes(), type=tuple[RosterEntry, ...])
    except (OSError, msgspec.DecodeError) as error:
        raise SettingsError(f"{path} is no roster: {error}") from None
    if not entries:
        raise SettingsError(f"{path} names no connector")
    return entries
