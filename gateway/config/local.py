"""Connectors of the gateway's own machine: buses that are attached to it, vehicles on its LAN."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

import msgspec

#: What ``bus`` begins with where a DoIP vehicle is meant and not a python-can interface.
DOIP = "doip:"

BitRate = Annotated[int, msgspec.Meta(ge=1)]


class LocalConnector(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of them.

    Attributes:
        name: for logs and metrics.
        uuid: a connector on record (``gateway connector add``); its key is not needed here.
        bus: a python-can bus (``socketcan:can0``, ``vector:0?app_name=gateway`` with options as
            in a URL), or a DoIP vehicle (``doip:192.0.2.10``, ``doip:192.0.2.10:13400``).
        ecus: its control units: a YAML file, or a list such as ``7E0:7E8`` (CAN) or ``1001``
            (DoIP). Left out, they are reached by whoever names their identifiers.
        fd: the bus carries CAN-FD frames.
        bitrate: bit/s, for interfaces that set it themselves; SocketCAN has it set already.
        data_bitrate: bit/s of the CAN-FD data phase, likewise.
        frames_only: the process carries raw frames alone, and ISO-TP runs in the gateway.
    """

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    uuid: UUID
    bus: str
    ecus: str = ""
    fd: bool = False
    bitrate: BitRate | None = None
    data_bitrate: BitRate | None = None
    frames_only: bool = False

    @property
    def doip(self) -> str | None:
        """The DoIP vehicle, ``HOST`` or ``HOST:PORT``; ``None`` where a bus is meant."""
        return self.bus.removeprefix(DOIP) if self.bus.startswith(DOIP) else None

    def problems(self) -> Iterator[str]:
        """Yield what contradicts itself."""
        place = f"local.connector {self.name!r}"
        if not re.fullmatch(r"[^:\s]+:\S+", self.bus):
            yield f"{place}: bus {self.bus!r} is none; write socketcan:can0 or doip:192.0.2.10"
        if self.doip is not None and (self.frames_only or self.fd or self.bitrate):
            yield f"{place}: DoIP has no frames and no bit rates; no frames_only, fd or bitrate"
        if self.data_bitrate is not None and not self.fd:
            yield f"{place}: data_bitrate is CAN-FD's; set fd as well"


@dataclass(frozen=True, slots=True)
class LocalSettings:
    """Connectors that this gateway runs itself, one process each.

    Attributes:
        connector: which; ``[[local.connector]]`` once for each of them.
    """

    connector: tuple[LocalConnector, ...] = ()

    def problems(self) -> Iterator[str]:
        """Yield what contradicts itself."""
        for connector in self.connector:
            yield from connector.problems()
        for what, values in (
            ("name", [connector.name for connector in self.connector]),
            ("uuid", [str(connector.uuid) for connector in self.connector]),
        ):
            for value, count in Counter(values).items():
                if count > 1:
                    yield f"local.connector: {count} have the {what} {value}"
