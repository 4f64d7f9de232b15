"""Many connectors in one process: a JSON file that says which dial in, and from what vehicles.

    [{"gateway": "ws://127.0.0.1:8443/link/v1", "uuid": "...", "key": "BASE64",
      "vehicle": "golf", "seed": 0}, ...]

Keys stand in a file rather than on the command line, where every user of the machine reads them.
"""

from __future__ import annotations

import base64
import binascii
import ssl
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Annotated
from uuid import UUID

import msgspec

from firmware_sim.assembly import SettingsError, VehicleSettings, open_device
from firmware_sim.attached import AttachedSettings, open_attached
from firmware_sim.firmware.device import MARGIN, Device
from firmware_sim.firmware.dialling import client_tls
from firmware_sim.firmware.link import Identity
from firmware_sim.firmware.plug import FilePlug
from firmware_sim.vehicle.loader import model_names

#: Bytes of an Ed25519 private key.
KEY_SIZE = 32


class RosterEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One connector.

    Attributes:
        gateway: link port, ``ws://`` or ``wss://``.
        uuid: who it is.
        key: its private key, 32 bytes in base64; left out where ``certificate`` proves who it is.
        vehicle: name of a vehicle of the package, or path of a YAML file. Left out, nothing is
            simulated behind ``bus`` or ``doip``; without those, the first of the package is.
        vin: another identification number for it.
        replay: path of a recording that stands in place of a vehicle.
        seed: makes everything that is random.
        bus: where its CAN bus is, or the bus that the connector is plugged into.
        doip: DoIP vehicle that it is plugged into, ``HOST`` or ``HOST:PORT``.
        ecus: control units behind ``bus`` or ``doip``: a YAML file, or a list
            (:mod:`firmware_sim.firmware.ecu_table`).
        fd: ``bus`` carries CAN-FD frames.
        bitrate: of ``bus``, bit/s, for interfaces that set it themselves.
        data_bitrate: of the CAN-FD data phase, likewise.
        frames_only: carry raw frames and leave ISO-TP to the gateway.
        data: folder for transfer jobs and their images; a temporary one when left out.
        margin: what bus, adapter and machine may add to the times that control units state, in
            seconds.
        voltage_file: with ``bus`` or ``doip``: file with millivolts at the device's input
            (:mod:`firmware_sim.firmware.plug`).
        voltage_scale: what the divider in front of that input divides by.
        ignition_file: likewise, file with 0 or 1 for terminal 15.
        certificate: PEM file of a client certificate that names the UUID, for ``wss://``.
        certificate_key: PEM file of its key; left out where the certificate's file has it.
        ca: PEM file of the authority that vouches for the gateway; the system's when left out.
    """

    gateway: str
    uuid: UUID
    key: str = ""
    vehicle: str | None = None
    vin: str | None = None
    replay: str | None = None
    seed: int = 0
    bus: str | None = None
    doip: str | None = None
    ecus: str = ""
    fd: bool = False
    bitrate: int | None = None
    data_bitrate: int | None = None
    frames_only: bool = False
    data: str | None = None
    margin: Annotated[float, msgspec.Meta(ge=0)] = MARGIN
    voltage_file: str | None = None
    voltage_scale: float = 1.0
    ignition_file: str | None = None
    certificate: str | None = None
    certificate_key: str | None = None
    ca: str | None = None

    @property
    def folder(self) -> Path | None:
        """Where its transfer jobs are kept."""
        return _path(self.data)

    @property
    def identity(self) -> Identity:
        """Who dials in.

        Raises:
            SettingsError: the key is no key (its text is not repeated, being a secret), or there
                is neither a key nor a certificate.
        """
        if self.key:
            return Identity(str(self.uuid), private_key(self.key))
        if self.certificate is None:
            raise SettingsError(f"nothing proves {self.uuid}: give it a key or a certificate")
        return Identity(str(self.uuid), None)

    def tls(self) -> ssl.SSLContext | None:
        """Return the context to dial in with, or ``None`` where the default will do.

        Raises:
            SettingsError: a file cannot be read, or there is no TLS to use it for.
        """
        if self.certificate is None and self.ca is None:
            return None
        if not self.gateway.startswith("wss://"):
            raise SettingsError(
                "certificates are for TLS: the gateway's address begins with ws://"
            )
        try:
            return client_tls(*map(_path, (self.ca, self.certificate, self.certificate_key)))
        except OSError as error:
            files = ", ".join(filter(None, (self.ca, self.certificate, self.certificate_key)))
            raise SettingsError(f"no certificates in {files}: {error}") from None

    def open(self) -> AbstractAsyncContextManager[Device]:
        """Return a context manager that opens the device with what it is plugged into.

        Raises:
            SettingsError: the entry contradicts itself.
        """
        if self.replay is not None and (self.vehicle is not None or self.vin is not None):
            raise SettingsError("a recording is a vehicle of its own: leave out vehicle and vin")
        simulated = self.vehicle is not None or self.replay is not None
        if not simulated and (self.bus is not None or self.doip is not None):
            return open_attached(self._attached())
        if self.doip is not None or self.ecus or self.fd or self.bitrate or self.data_bitrate:
            raise SettingsError(
                "a simulated vehicle declares its own control units and bit rates: leave out "
                "doip, ecus, fd and the bit rates, or the vehicle"
            )
        return open_device(
            VehicleSettings(
                vehicle=self.vehicle or model_names()[0],
                vin=self.vin,
                seed=self.seed,
                bus=self.bus,
                frames_only=self.frames_only,
                replay=_path(self.replay),
                margin=self.margin,
            )
        )

    def _attached(self) -> AttachedSettings:
        if self.vin is not None:
            raise SettingsError("the vehicle there has its own identification number: no vin")
        return AttachedSettings(
            bus=self.bus,
            doip=self.doip,
            ecus=self.ecus,
            fd=self.fd,
            bitrate=self.bitrate,
            data_bitrate=self.data_bitrate,
            frames_only=self.frames_only,
            seed=self.seed,
            plug=FilePlug(_path(self.voltage_file), self.voltage_scale, _path(self.ignition_file)),
            margin=self.margin,
        )


def _path(text: str | None) -> Path | None:
    return None if text is None else Path(text)


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
