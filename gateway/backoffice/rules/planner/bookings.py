"""The signed link by which a client chooses a time, and the page behind it.

The link holds garage and appointment, sealed: nobody makes one up, and none is kept. The page is
plain HTML with a form: it loads nothing and runs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from html import escape
from itertools import groupby, islice

from gateway.backoffice.moments import business_day
from gateway.backoffice.records import Html
from gateway.backoffice.rules.invoices import garage_name
from gateway.backoffice.rules.pages import page
from gateway.backoffice.rules.planner import appointments, scheduling
from gateway.backoffice.rules.planner.letters import spoken
from gateway.backoffice.sealing import Sealer
from gateway.backoffice.shop import Shop, Values
from gateway.domain.errors import GatewayError, Invalid

#: Behind the planner's mount; the token follows.
PATH = "/book"

_PURPOSE = "booking"


@dataclass(frozen=True, slots=True)
class Booking:
    """What a link leads to."""

    tenant_id: int
    appointment_id: int


def make_token(sealer: Sealer, booking: Booking) -> str:
    """Return the link's last part."""
    text = f"{_PURPOSE}:{booking.tenant_id}:{booking.appointment_id}"
    return sealer.seal(text).rstrip("=")


def read_token(sealer: Sealer, token: str) -> Booking | None:
    """Return what a token leads to; ``None`` for what was not made here."""
    try:
        text = sealer.open(token + "=" * (-len(token) % 4))
        purpose, tenant_id, appointment_id = text.split(":")
        found = Booking(int(tenant_id), int(appointment_id))
    except (Invalid, ValueError):
        return None
    return found if purpose == _PURPOSE else None


def show(shop: Shop, booking: Booking) -> Html:
    """Return the page as it is now."""
    row = shop.find("appointment", id=booking.appointment_id)
    if row is None or row["canceled_at"] is not None:
        return gone()
    return _shown(shop, row)


def choose(shop: Shop, booking: Booking, slot: datetime | None) -> Html:
    """Let the client have ``slot``, or agree to the time there is; return the page after it."""
    row = shop.find("appointment", id=booking.appointment_id)
    if row is None or row["canceled_at"] is not None:
        return gone()
    try:
        # What a refusal wrote before it was one is taken back.
        with shop.connection.begin_nested():
            if row["time_from"] is not None and row["confirmed_at"] is None:
                appointments.confirm(shop, row, {})
            elif slot is not None:
                appointments.take(shop, row, slot)
    except GatewayError as error:
        return _shown(shop, row, error.detail, 409)
    return _shown(shop, shop.get("appointment", row["id"]))


def gone() -> Html:
    """Return the page for links that lead nowhere, whatever the reason."""
    return page("This link is not valid", "<p>Please ask the workshop for a new one.</p>", 404)


def _shown(shop: Shop, row: Values, told: str = "", status: int = 200) -> Html:
    title = f"Appointment at {garage_name(shop)}"
    warning = f'<p role="alert"><strong>{escape(told)}</strong></p>' if told else ""
    if row["time_from"] is None:
        return page(title, warning + _choice(shop, row), status)
    when = f"<p>We come on <strong>{escape(spoken(row['time_from']))}</strong>.</p>"
    if appointments.status_of(row) in {"visited", "not_visited"}:
        return page(title, when + "<p>It is over.</p>", status)
    if row["confirmed_at"] is not None:
        return page(title, warning + when + "<p>It is confirmed. Thank you.</p>", status)
    return page(title, warning + when + _form("", "Confirm this appointment"), status)


def _choice(shop: Shop, row: Values) -> str:
    window, users = (row["plan_from"], row["plan_to"]), appointments.users_of(shop, row["id"])
    found = scheduling.free_slots(shop, row["time"], window, users, row["id"])
    slots = list(islice(found, scheduling.MOST_SLOTS))
    if not slots:
        return "<p>There is no free time left. Please call the workshop.</p>"
    days = "".join(
        f"<fieldset><legend>{escape(spoken(begins[0]).partition(' at ')[0])}</legend>"
        + "".join(_option(begin) for begin in begins)
        + "</fieldset>"
        for _, each in groupby((slot.begin for slot in slots), key=business_day)
        for begins in [list(each)]
    )
    return f"<p>It takes {row['time']} minutes.</p>" + _form(days, "Take this time")


def _option(begin: datetime) -> str:
    value = begin.isoformat().replace("+00:00", "Z")
    hour = spoken(begin).rpartition(" ")[2]
    return f'<label><input type="radio" name="slot" value="{value}" required> {hour}</label>'


def _form(inside: str, button: str) -> str:
    # To the page itself: the address is the link.
    opened = '<form method="post" enctype="multipart/form-data">'
    agreed = '<input type="hidden" name="agreed" value="1">'
    return f"{opened}{inside}{agreed}<button>{button}</button></form>"
