"""A device on a real bus, or in front of a real vehicle on the network: nothing is simulated.

The firmware is the same; only what it is plugged into differs. It measures voltage and ignition
where it is told of inputs for them, and it knows the control units that it is told of.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random

import trio

from firmware_sim.assembly import DOIP_BUS, SettingsError
from firmware_sim.buses.address import BusAddress
from firmware_sim.buses.can_bus import open_bus
from firmware_sim.firmware.device import MARGIN, Device, Wiring
from firmware_sim.firmware.doip_bus import DoipBus, DoipBusSettings
from firmware_sim.firmware.ecu_table import EcuEntry, read_ecus
from firmware_sim.firmware.plug import FilePlug
from protocols.link.vehicle import BusInfo

#: Name of the one CAN bus of such a device.
CAN_BUS = "can0"

#: Where DoIP entities listen (ISO 13400-2, table 48).
DOIP_PORT = 13400


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachedSettings:
    """What the device is plugged into; either a bus or a DoIP vehicle.

    Attributes:
        bus: a python-can bus, ``INTERFACE:CHANNEL``.
        doip: a DoIP vehicle, ``HOST`` or ``HOST:PORT``; an IPv6 address in brackets.
        ecus: its control units, see :mod:`firmware_sim.firmware.ecu_table`; empty where nobody
            knows them: they are then reached by whoever names their identifiers.
        fd: the bus carries CAN-FD frames.
        bitrate: bit/s, for interfaces that set it themselves.
        data_bitrate: bit/s of the CAN-FD data phase; without it the bit rate is not switched.
        frames_only: carry raw frames and leave ISO-TP to the gateway.
        seed: spreads the pauses between attempts to connect.
        plug: measures voltage and ignition.
        margin: what bus, adapter and machine may add to the control units' stated times, in
            seconds.
    """

    bus: str | None = None
    doip: str | None = None
    ecus: str = ""
    fd: bool = False
    bitrate: int | None = None
    data_bitrate: int | None = None
    frames_only: bool = False
    seed: int = 0
    plug: FilePlug = field(default_factory=FilePlug)
    margin: float = MARGIN


@asynccontextmanager
async def open_attached(settings: AttachedSettings) -> AsyncIterator[Device]:
    """Be plugged into what the settings name while the block runs.

    A DoIP vehicle need not be there yet; a bus must.

    Raises:
        SettingsError: the settings contradict themselves, or a file or address is malformed.
        BusGoneError: the bus cannot be opened.
    """
    if (settings.bus is None) is (settings.doip is None):
        raise SettingsError("name either a bus or a DoIP vehicle to be plugged into")
    entries = _entries(settings)
    opening = _on_bus if settings.doip is None else _on_doip
    async with opening(settings, entries) as device:
        yield device


@asynccontextmanager
async def _on_bus(
    settings: AttachedSettings, entries: tuple[EcuEntry, ...]
) -> AsyncIterator[Device]:
    kind = "can-fd" if settings.fd else "can"
    info = BusInfo(CAN_BUS, kind, settings.bitrate or 0, settings.data_bitrate or 0)
    async with open_bus(
        _bus_address(settings.bus or ""),
        fd=settings.fd,
        bitrate=settings.bitrate,
        data_bitrate=settings.data_bitrate,
    ) as bus:
        yield Device(
            Wiring(
                buses=(info,),
                ecus=tuple(entry.info(CAN_BUS) for entry in entries),
                can={CAN_BUS: bus},
                plug=settings.plug,
                isotp=not settings.frames_only,
                margin=settings.margin,
            )
        )


@asynccontextmanager
async def _on_doip(
    settings: AttachedSettings, entries: tuple[EcuEntry, ...]
) -> AsyncIterator[Device]:
    host, port = _endpoint(settings.doip or "")
    bus = DoipBus(DoipBusSettings(host=host, port=port), Random(settings.seed))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(bus.run)
        yield Device(
            Wiring(
                buses=(BusInfo(DOIP_BUS, "doip"),),
                ecus=tuple(entry.info(DOIP_BUS) for entry in entries),
                doip=bus,
                plug=settings.plug,
                margin=settings.margin,
            )
        )
        nursery.cancel_scope.cancel()


def _entries(settings: AttachedSettings) -> tuple[EcuEntry, ...]:
    if settings.doip is not None and settings.frames_only:
        raise SettingsError("DoIP has no raw frames to carry: leave frames_only out")
    if settings.data_bitrate is not None and not settings.fd:
        raise SettingsError("a data bit rate is CAN-FD's: say fd as well")
    try:
        entries = read_ecus(settings.ecus) if settings.ecus else ()
    except ValueError as error:
        raise SettingsError(str(error)) from None
    on_can = settings.doip is None
    strangers = [entry.name for entry in entries if entry.is_on_can is not on_can]
    if strangers:
        way = "a CAN bus" if on_can else "DoIP"
        raise SettingsError(f"not reached over {way}: {', '.join(strangers)}")
    return entries


def _bus_address(text: str) -> str:
    try:
        BusAddress.parse(text)
    except ValueError as error:
        raise SettingsError(str(error)) from None
    return text


def _endpoint(text: str) -> tuple[str, int]:
    """Return host and port of ``HOST``, ``HOST:PORT``, ``[IPV6]`` or ``[IPV6]:PORT``."""
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        separator, port = rest[:1], rest[1:]
        sound = bool(bracket) and separator in {"", ":"}
    else:
        host, separator, port = text.partition(":")
        sound = True
    if not separator:
        port = str(DOIP_PORT)
    if not (sound and host and port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise SettingsError(f"{text!r} is no DoIP vehicle: write HOST, HOST:PORT or [IPV6]:PORT")
    return host, int(port)
