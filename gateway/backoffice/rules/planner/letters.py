"""What clients are told about their appointments; promised in the transaction, sent after it.

Letters carry :data:`LINK` where the client's booking link stands when they go out: the link opens
the calendar to whoever holds it, and so is never stored.
"""

from __future__ import annotations

from datetime import datetime
from html import escape

from gateway.backoffice.moments import BUSINESS_ZONE
from gateway.backoffice.refusal import wrong_field
from gateway.backoffice.rules.customers import address_line, full_name
from gateway.backoffice.rules.invoices import garage_name
from gateway.backoffice.rules.outgoing import queue_mail
from gateway.backoffice.shop import Shop, Values

#: What stands for the link until the letter goes out.
LINK = "{booking_link}"


def spoken(moment: datetime) -> str:
    """Return a time as people here say it: ``Monday 2 March 2026 at 10:30``."""
    pattern = "EEEE d MMMM y 'at' HH:mm"
    from babel.dates import format_datetime  # noqa: PLC0415 - for letters alone

    return str(format_datetime(moment, pattern, tzinfo=BUSINESS_ZONE, locale="en_GB"))


def announce(shop: Shop, row: Values) -> None:
    """Tell the client of an appointment or an invitation, if they are to be told.

    Raises:
        Unprocessable: they must be told, and have no email address.
    """
    if _recipient(shop, row) is None:
        if row["send_mail_to_client"] == "direct":
            raise wrong_field("send_mail_to_client", "cannot be direct: the client has no email.")
        return
    if row["time_from"] is not None:
        confirm(shop, row)
    elif row["appointment_or_invite"] == "invite":
        invite(shop, row)


def invite(shop: Shop, row: Values, stamp: str = "send_at") -> None:
    """Ask the client to choose a time."""
    text = (
        f"<p>Please choose a time that suits you for: {escape(_subject(shop, row))}.</p>"
        f'<p><a href="{LINK}">Choose a time</a></p><p>{LINK}</p>'
    )
    _post(shop, row, f"Choose a time at {garage_name(shop)}", text, stamp)


def confirm(shop: Shop, row: Values) -> None:
    """Tell the time; one that the client did not choose has a link to agree to it."""
    when = spoken(row["time_from"])
    text = f"<p>We come on {escape(when)} for: {escape(_subject(shop, row))}.</p>"
    text += _details(shop, row)
    if row["confirmed_at"] is None:
        text += f'<p><a href="{LINK}">Confirm this appointment</a></p><p>{LINK}</p>'
    agreed = row["confirmed_at"] is not None
    stamps = ("send_at", "send_confirmed_at") if agreed else ("send_at",)
    _post(shop, row, f"Your appointment on {when}", text, *stamps)


def remind(shop: Shop, row: Values, stamps: tuple[str, ...]) -> None:
    """Remind the client of an appointment."""
    when = spoken(row["time_from"])
    text = f"<p>A reminder: we come on {escape(when)} for: {escape(_subject(shop, row))}.</p>"
    text += _details(shop, row)
    if row["confirmed_at"] is None:
        text += f'<p><a href="{LINK}">Confirm this appointment</a></p><p>{LINK}</p>'
    _post(shop, row, f"Reminder: {when}", text, *stamps)


def regret(shop: Shop, row: Values) -> None:
    """Tell the client that their appointment is off, whatever they said about letters."""
    person = shop.find_ever("customer", id=row["customer_id"])
    if person is None or not person["email"]:
        return
    when = spoken(row["time_from"])
    text = f"<p>Your appointment on {escape(when)} is cancelled. Please call us for another.</p>"
    body = f"<p>Dear {escape(full_name(person))},</p>{text}{_signed(shop)}"
    queue_mail(shop, person["email"], f"Cancelled: {when}", body)


def calendar_file(shop: Shop, appointment_id: int) -> bytes | None:
    """Return an appointment as a calendar file (RFC 5545); ``None`` while it has no time."""
    import icalendar  # noqa: PLC0415 - slow to import

    row = shop.find("appointment", id=appointment_id)
    if row is None or row["time_from"] is None:
        return None
    event = icalendar.Event()
    event.add("uid", f"appointment-{shop.tenant_id}-{row['id']}@gateway")
    event.add("dtstamp", row["updated_at"])
    event.add("dtstart", row["time_from"])
    event.add("dtend", row["time_to"])
    event.add("summary", f"{garage_name(shop)}: {_subject(shop, row)}")
    event.add("location", _address(shop, row))
    event.add("status", "TENTATIVE" if row["confirmed_at"] is None else "CONFIRMED")
    calendar = icalendar.Calendar()
    calendar.add("prodid", "-//gateway//planner//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add_component(event)
    return bytes(calendar.to_ical())


def _post(shop: Shop, row: Values, subject: str, text: str, *stamps: str) -> None:
    person = _recipient(shop, row)
    if person is None:
        return
    body = f"<p>Dear {escape(full_name(person))},</p>{text}{_signed(shop)}"
    letter_id = queue_mail(shop, person["email"], subject, body)
    shop.change("outgoing_mail", letter_id, {"appointment_id": row["id"]})
    shop.change("appointment", row["id"], dict.fromkeys(stamps, shop.now))


def _recipient(shop: Shop, row: Values) -> Values | None:
    """Return the client, if letters about this appointment go to them."""
    person = shop.find("customer", id=row["customer_id"])
    if person is None or not person["email"] or row["send_mail_to_client"] == "none":
        return None
    wanted = person["appointment_confirmation"] is not False
    return person if wanted or row["send_mail_to_client"] == "direct" else None


def _subject(shop: Shop, row: Values) -> str:
    kind = shop.find_ever("appointment_type", id=row["appointment_type_id"]) or {"name": ""}
    pairs = shop.where("appointment_item", appointment_id=row["id"])
    found = (shop.find_ever("item", id=pair["item_id"]) for pair in pairs)
    names = ", ".join(item["name"] for item in found if item)
    return f"{kind['name']} ({names})" if names else str(kind["name"])


def _details(shop: Shop, row: Values) -> str:
    lines = (_address(shop, row), row["description_client"] or "")
    return "".join(f"<p>{escape(line)}</p>" for line in lines if line)


def _address(shop: Shop, row: Values) -> str:
    address = row["address_id"] and shop.find_ever("address", id=row["address_id"])
    if not address:
        return ""
    return f"{address_line(address)}, {address['zipcode']} {address['city']}"


def _signed(shop: Shop) -> str:
    return f"<p>{escape(garage_name(shop))}</p>"
