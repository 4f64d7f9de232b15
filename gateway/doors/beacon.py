"""Announces a socketcand door on the network of its operators; nothing in it opens the door."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import ip_address

import trio

from gateway.doors.place import Place
from protocols.socketcand.beacon import INTERVAL, beacon


async def announce(place: Place, target: tuple[str, int], buses: Sequence[str]) -> None:
    """Send beacons until cancelled; a network that takes none is tried again each time.

    Args:
        place: the door's.
        target: address and port that beacons go to.
        buses: names of its buses.
    """
    is_down = False
    with trio.socket.socket(trio.socket.AF_INET, trio.socket.SOCK_DGRAM) as udp:
        udp.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_BROADCAST, 1)
        while True:
            try:
                host = await _reached_at(place, target)
                await udp.sendto(_beacon(place, host, buses), target)
                is_down = False
            except OSError as error:
                if not is_down:
                    place.log.warning("no beacon can be sent", to=target[0], reason=str(error))
                is_down = True
            await trio.sleep(INTERVAL)


def _beacon(place: Place, host: str, buses: Sequence[str]) -> bytes:
    return beacon(
        f"connector {place.session.connector_id}",
        f"can://{host}:{place.ports.port}",
        buses,
        "Remote vehicle at a diagnostic gateway; buses open by their key",
    )


async def _reached_at(place: Place, target: tuple[str, int]) -> str:
    """Return how tools reach the door; where it listens everywhere, by our address there."""
    if place.settings.public_host:
        return place.settings.public_host
    host = str(place.ports.listener.socket.getsockname()[0])
    if not ip_address(host).is_unspecified:
        return host
    with trio.socket.socket(trio.socket.AF_INET, trio.socket.SOCK_DGRAM) as probe:
        probe.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_BROADCAST, 1)
        await probe.connect(target)  # sends nothing, and chooses an address
        return str(probe.getsockname()[0])
