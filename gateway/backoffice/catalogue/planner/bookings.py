"""The page behind the link in an invitation. Public: the signed link is the proof."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection

from gateway.backoffice.action import Call, Section
from gateway.backoffice.kinds import Text
from gateway.backoffice.moments import Moment
from gateway.backoffice.profiles.planner import PLANNER
from gateway.backoffice.records import Html
from gateway.backoffice.resource import Input
from gateway.backoffice.rules.planner import bookings
from gateway.backoffice.rules.planner.bookings import Booking
from gateway.backoffice.shop import Shop


def _found(call: Call) -> Booking | None:
    return bookings.read_token(call.outside.sealer, call.path["token"])


def _in(
    call: Call, booking: Booking, rule: Callable[[Shop], Html]
) -> Callable[[Connection], Html]:
    """Return ``rule`` in the garage that the link names."""

    def run(connection: Connection) -> Html:
        services = call.services
        ids = booking.tenant_id, None
        return rule(Shop(connection, services.tables, *ids, services.clock()))

    return run


async def _show(call: Call) -> object:
    booking = _found(call)
    if booking is None:
        return bookings.gone()
    page = _in(call, booking, lambda shop: bookings.show(shop, booking))
    return await call.services.database.read(page)


async def _choose(call: Call) -> object:
    booking = _found(call)
    if booking is None:
        return bookings.gone()
    slot = call.values.get("slot")
    page = _in(call, booking, lambda shop: bookings.choose(shop, booking, slot))
    return await call.services.database.write(page)


_SECTION = Section(PLANNER, "bookings", ability="")

ACTIONS = (
    _SECTION.action(
        "GET",
        "showBooking",
        bookings.PATH + "/{token}",
        "The page on which a client chooses a time",
        {"type": "string"},
        _show,
        public=True,
        media="text/html",
    ),
    _SECTION.action(
        "POST",
        "chooseBooking",
        bookings.PATH + "/{token}",
        "Choose a time, or agree to the one there is",
        {"type": "string"},
        _choose,
        inputs=(Input("slot", Moment()), Input("agreed", Text(8))),
        public=True,
        media="text/html",
        accepts="multipart/form-data",
    ),
)
