"""What a socketcand client makes of its buses before it opens one (commands ``B`` and ``C``)."""

from __future__ import annotations

import msgspec

from gateway.domain.errors import Invalid
from gateway.doors.place import Place
from gateway.sessions.buses import BusOrder, configure
from protocols.socketcand.events import SetupWanted


class BusSetup:
    """One client's orders, by bus.

    An order to a connector says everything anew, a command one thing: so what was said before is
    said again. They hold, as all orders do, until the session ends.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._orders: dict[str, BusOrder] = {}

    async def apply(self, bus: str, wanted: SetupWanted) -> None:
        """Have a bus run as wanted.

        Raises:
            Invalid: no CAN bus has this bit rate.
            Conflict: the bus cannot be run so, or the session does not hold the lease.
            Unavailable: the connector is offline, or does not answer.
        """
        sessions, session = self._place.sessions, self._place.session
        known = msgspec.to_builtins(self._orders.get(bus, BusOrder()))
        if wanted.bitrate is not None:
            known["bitrate"] = wanted.bitrate
        if wanted.listen_only is not None:
            known["listen_only"] = wanted.listen_only
        try:
            order = msgspec.convert(known, BusOrder)
        except msgspec.ValidationError as error:
            raise Invalid("bus.order", f"No CAN bus runs so: {error}.") from error
        await configure(sessions.writing(session), session.id, bus, order)
        self._orders[bus] = order
