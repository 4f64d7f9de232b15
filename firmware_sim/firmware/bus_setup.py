"""The buses of a device: how they are, and how an operator's session has them run.

A session's settings last as long as it does; then the bus runs again as the device was set up.
Of several sessions with the lease one after the other, the last one's order holds.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

import trio

from firmware_sim.buses.can_bus import BusGoneError, CanBus
from firmware_sim.buses.settings import BusSettings
from protocols.can.filters import CanFilter
from protocols.errors import LocalProtocolError
from protocols.link.buses import BusConfigure, BusConfigured, BusState
from protocols.link.vehicle import BusInfo

log = logging.getLogger(__name__)

#: Bit rates that ISO 11898-1 and its transceivers know, bit/s: lowest, highest nominal, highest of
#: the data phase.
LOWEST, HIGHEST, HIGHEST_DATA = 5_000, 1_000_000, 8_000_000


class BusSetup:
    """Owned by the device; its buses are open as long as it lives."""

    def __init__(self, buses: Mapping[str, CanBus], infos: tuple[BusInfo, ...]) -> None:
        self._buses = buses
        self._infos = {info.name: info for info in infos}
        self._first = {name: bus.settings for name, bus in buses.items()}
        self._owners: dict[str, str] = {}
        self._changed = trio.Event()
        for bus in buses.values():
            bus.when_changed(self._note)

    def _note(self) -> None:
        self._changed.set()
        self._changed = trio.Event()

    async def wait_changed(self) -> None:
        """Return when a bus goes down or comes back, or is run otherwise."""
        await self._changed.wait()

    def states(self) -> tuple[BusState, ...]:
        """Return how each CAN bus is now."""
        return tuple(self._state(name) for name in self._buses)

    def _state(self, name: str) -> BusState:
        bus, info = self._buses[name], self._infos[name]
        settings = bus.settings
        return BusState(
            name,
            bus.is_up,
            bus.fault,
            settings.bitrate or info.bitrate,
            settings.data_bitrate or info.data_bitrate,
            settings.listen_only,
            len(settings.filters),
        )

    async def configure(self, order: BusConfigure) -> BusConfigured:
        """Run a bus as a session wants it; failures are part of the answer, never raised."""
        bus = self._buses.get(order.bus)
        if bus is None:
            known = ", ".join(self._buses) or "none"
            text = f"there is no CAN bus {order.bus!r} here: it has {known}"
            return BusConfigured(order.id, None, "unknown_bus", text)
        try:
            settings = self._settings(order, bus)
            if settings != bus.settings:
                await bus.configure(settings)
        except (BusGoneError, LocalProtocolError) as error:
            return BusConfigured(order.id, self._state(order.bus), "refused", str(error))
        self._owners[order.bus] = order.session
        return BusConfigured(order.id, self._state(order.bus))

    def _settings(self, order: BusConfigure, bus: CanBus) -> BusSettings:
        first = self._first[order.bus]
        if order.data_bitrate is not None and not bus.fd:
            raise LocalProtocolError(f"bus {order.bus} is classic CAN and has no data bit rate")
        for rate, highest in ((order.bitrate, HIGHEST), (order.data_bitrate, HIGHEST_DATA)):
            if rate is not None and not LOWEST <= rate <= highest:
                raise LocalProtocolError(f"{rate} bit/s: use {LOWEST} to {highest}")
        return BusSettings(
            first.bitrate if order.bitrate is None else order.bitrate,
            first.data_bitrate if order.data_bitrate is None else order.data_bitrate,
            order.listen_only,
            tuple(CanFilter(it.id, it.mask, it.extended) for it in order.filters),
        )

    async def release(self, session: str) -> None:
        """Run again as before what a session had run otherwise."""
        for name in [name for name, owner in self._owners.items() if owner == session]:
            del self._owners[name]
            try:
                if self._buses[name].settings != self._first[name]:
                    await self._buses[name].configure(self._first[name])
            except BusGoneError as error:
                log.warning("bus %s does not run as before yet: %s", name, error)
