"""The socketcand door: a session's CAN buses, under names that nobody can guess.

A client opens a bus by its key, which stands where socketcand has the bus's name (at most 16
characters). Each bus of the vehicle has its own; a wrong one ends the connection, as socketcand's
own daemon does it. Tools at trusted addresses open a bus by its name, as those do that found the
door by its beacon.
"""

from __future__ import annotations

import base64
import secrets
from hmac import compare_digest

import trio

from gateway.domain.errors import Invalid
from gateway.doors.beacon import announce
from gateway.doors.client import Client, ClientBus
from gateway.doors.place import Kind, Place
from gateway.doors.visitors import Visitors
from gateway.runtime.guard import address_of, guard
from protocols.socketcand.text import error_text

#: Bytes of randomness in a key: 13 characters of base32, and two for the number of the bus.
_KEY_SIZE = 8


class SocketcandDoor:
    """One door; :meth:`serve` is its life.

    Raises:
        Invalid: the vehicle has no CAN bus.
    """

    kind: Kind = "socketcand"

    def __init__(self, place: Place) -> None:
        self.place = place
        live = place.sessions.connector(place.session)
        self._ecus = live.capabilities.ecus
        self._visitors = Visitors(place.session, self.kind)
        token = base64.b32encode(secrets.token_bytes(_KEY_SIZE)).decode().rstrip("=").lower()
        self._buses = {
            f"{token}{number or ''}": ClientBus(info, index)
            for number, (index, info) in enumerate(
                (index, info)
                for index, info in enumerate(live.capabilities.buses)
                if info.kind != "doip"
            )
        }
        if not self._buses:
            raise Invalid(
                "door.no_can",
                "This vehicle has no CAN bus, and so no frames. Open a DoIP door instead.",
                field="kind",
            )

    def secrets(self) -> dict[str, object]:
        buses = [
            {"name": bus.info.name, "kind": bus.info.kind, "bitrate": bus.info.bitrate, "key": key}
            for key, bus in self._buses.items()
        ]
        ecus = [
            {
                "name": ecu.name,
                "logical_address": None,
                "bus": ecu.bus,
                "request_id": ecu.request_id,
                "response_id": ecu.response_id,
            }
            for ecu in self._ecus
            if ecu.request_id is not None
        ]
        return {"key": next(iter(self._buses)), "ecus": ecus, "buses": buses}

    async def serve(
        self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
    ) -> None:
        place = self.place
        handler = guard(self._handle, name="socketcand", log=place.log, counter=place.failures)
        async with trio.open_nursery() as nursery:
            if (target := place.settings.beacon_target) is not None:
                names = [bus.info.name for bus in self._buses.values()]
                nursery.start_soon(announce, place, target, names)
            task_status.started()
            await trio.serve_listeners(handler, [place.ports.listener])

    async def _handle(self, stream: trio.SocketStream) -> None:
        counts, address = self.place.counts, address_of(stream)
        stranger = not self.place.strangers.may_try(address, trio.current_time())
        if stranger or counts.connections >= self.place.settings.connections:
            counts.turned_away += 1
            if not stranger:
                with trio.move_on_after(1):
                    await stream.send_all(error_text("too many connections").encode())
            return
        counts.connections += 1
        counts.accepted += 1
        client = Client(
            self.place,
            stream,
            find=lambda name: self._open(name, address),
            opened=lambda bus: self._visitors.came(stream, peer=address, bus=bus.info.name),
        )
        why = "cut off"
        try:
            await client.run()
            why = "does not read" if client.is_slow else "hung up"
        finally:
            self._visitors.left(stream, why)
            counts.connections -= 1

    def _open(self, name: str, address: str) -> ClientBus | None:
        """Return the bus of this key; every key is looked at, however early one fits.

        Trusted addresses may say a bus's name instead.
        """
        found, trusted = None, address in self.place.trusted
        for key, bus in self._buses.items():
            if compare_digest(key.encode(), name.encode()) or (trusted and bus.info.name == name):
                found = bus
        if found is None:
            self.place.strangers.tried(address, trio.current_time())
            self.place.log.warning("a wrong key at a door", door="socketcand", peer=address)
        return found
