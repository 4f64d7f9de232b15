"""Doors for diagnostic tools: where they open, and for how long."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from gateway.config.kinds import Count, Port, Seconds
from gateway.config.reach import pair_problems

#: Where socketcand's clients listen for beacons.
BEACON_PORT = 42_000


@dataclass(frozen=True, slots=True)
class DoorSettings:
    """DoIP and socketcand doors of sessions.

    Attributes:
        host: address doors listen on; loopback by default, so that nothing is exposed by accident.
        public_host: how operators' tools reach it, told with each door; empty means ``host``.
        first_port: lowest port of doors, TCP, and for DoIP UDP as well; 0 takes any free one.
            DoIP's own 13400 is used where the range holds it.
        last_port: highest one.
        certificate: PEM file with the certificate chain for DoIP doors that are asked for with
            TLS.
        private_key: PEM file with the certificate's key.
        idle: seconds without a connection after which a door closes.
        max_doors: doors at once; the next one is refused.
        connections: testers one door takes at once.
        lease_wait: seconds a tester waits at a DoIP door for the lease on its vehicle, when
            another session holds it; then it is turned away.
        send_timeout: seconds a client may take to read what is sent before it is cut.
        wrong_keys: wrong keys from one address within a minute that are heard out; connections
            from it are closed for the rest of that minute then.
        beacon: where socketcand doors are announced every 2.5 s for tools to find: an IPv4
            broadcast address such as ``192.0.2.255``, with ``:PORT`` where it is not socketcand's
            42000. Connector and buses are named, never a key. Empty announces nothing.
    """

    host: str = "127.0.0.1"
    public_host: str = ""
    first_port: Port = 0
    last_port: Port = 0
    certificate: Path | None = None
    private_key: Path | None = None
    idle: Seconds = 900.0
    max_doors: Count = 256
    connections: Annotated[int, Meta(ge=1, le=255)] = 4
    lease_wait: Seconds = 10.0
    send_timeout: Seconds = 20.0
    wrong_keys: Count = 10
    beacon: str = ""

    @property
    def beacon_target(self) -> tuple[str, int] | None:
        """Address and port that beacons go to.

        Raises:
            ValueError: it is neither.
        """
        if not self.beacon:
            return None
        host, _, port = self.beacon.partition(":")
        number = int(port or BEACON_PORT)
        if not 0 < number <= 65_535:
            raise ValueError(port)
        return str(IPv4Address(host)), number

    def problems(self) -> Iterator[str]:
        """Yield what contradicts itself."""
        yield from pair_problems("doors", self.certificate, self.private_key)
        if not self.first_port <= self.last_port or bool(self.first_port) != bool(self.last_port):
            yield (
                f"doors.first_port {self.first_port} to doors.last_port {self.last_port} is no "
                "range: give both, the lower one first, or neither"
            )
        try:
            _ = self.beacon_target
        except ValueError:
            yield f"doors.beacon: {self.beacon!r} is no IPv4 address, nor ADDRESS:PORT"
