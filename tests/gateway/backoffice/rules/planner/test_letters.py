"""What clients are told: when, whom, and with what; through a real mail server."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import icalendar
import pytest
import structlog
from cryptography.fernet import Fernet

from gateway.backoffice import schema
from gateway.backoffice.outside import Outside
from gateway.backoffice.refusal import Unprocessable
from gateway.backoffice.rules.planner import appointments, bookings
from gateway.backoffice.rules.planner.bookings import Booking
from gateway.backoffice.rules.planner.letters import spoken
from gateway.backoffice.sealing import Sealer
from gateway.backoffice.sending import Sending
from gateway.backoffice.shop import Shop
from tests.gateway.backoffice.rules.planner.conftest import visit as make_visit

MONDAY = datetime(2026, 3, 9, 8, tzinfo=UTC)
LINK = re.compile(r"https://garage\.example(/backoffice/planner/book/[\w-]+)")


def mail(shop: Shop) -> list[str]:
    return [row["subject"] for row in shop.where("outgoing_mail")]


@pytest.mark.parametrize(
    ("wanted", "way", "sent"),
    [
        (True, "default", 1),
        (None, "default", 1),
        (False, "default", 0),
        (False, "direct", 1),
        (True, "none", 0),
    ],
)
def test_whom_to_write(at_client: Any, wanted: bool | None, way: str, sent: int) -> None:
    def rule(shop: Shop, visit: Any) -> None:
        shop.change("customer", visit.client, {"appointment_confirmation": wanted})
        body = visit.values(time_from=MONDAY, send_mail_to_client=way)
        row = shop.get("appointment", appointments.create(shop, body))
        assert len(mail(shop)) == sent
        assert (row["send_at"] is not None) is bool(sent)

    at_client(rule)


def test_what_waits_is_nothing_to_write_about(at_client: Any) -> None:
    def rule(shop: Shop, visit: Any) -> None:
        appointments.create(shop, visit.values(send_mail_to_client="direct"))
        assert mail(shop) == []

    at_client(rule)


def test_direct_mail_needs_an_address(at_client: Any) -> None:
    def rule(shop: Shop, visit: Any) -> None:
        shop.change("customer", visit.client, {"email": None})
        appointments.create(shop, visit.values(time_from=MONDAY))
        later = MONDAY.replace(hour=11)
        with pytest.raises(Unprocessable, match="no email"):
            appointments.create(shop, visit.values(time_from=later, send_mail_to_client="direct"))

    at_client(rule)


def test_times_are_said_as_people_here_say_them() -> None:
    assert spoken(MONDAY) == "Monday 9 March 2026 at 09:00"
    assert spoken(MONDAY.replace(month=7)) == "Thursday 9 July 2026 at 10:00"


@pytest.mark.slow
async def test_an_invitation_carries_a_link_that_opens(
    shops: Any, in_shop: Any, clock: Any, letters: Any, app: Any, outside: Any
) -> None:
    def prepare(shop: Shop) -> int:
        server = {"host": "127.0.0.1", "port": letters.port, "encryption": "none"}
        names = {"username": "", "from_address": "garage@example.test"}
        shop.insert("mail_server", server | names)
        values = make_visit(shop).values(appointment_or_invite="invite")
        return appointments.create(shop, values)

    made = await in_shop(prepare)
    (stored,) = await in_shop(lambda shop: shop.where("outgoing_mail"))
    assert "/book/" not in stored["body_html"]  # whoever reads the table cannot book
    nowhere = Sending(shops, schema.TABLES, clock, outside, structlog.get_logger())
    await nowhere.send_due()
    assert letters.taken == []  # it waits until somebody says how clients reach this server
    clock.advance(61)
    # The same keys as the app's, which opens the link.
    out = Outside(outside.sealer, public_url="https://garage.example")
    await Sending(shops, schema.TABLES, clock, out, structlog.get_logger()).send_due()
    ((recipients, letter),) = letters.taken
    assert recipients == ["jan@example.test"]
    text = letter.get_body(("plain",)).get_content()
    found = LINK.search(text)
    assert found is not None, text
    page = await app.test_client().get(found[1])
    assert page.status_code == 200
    token = found[1].rpartition("/")[2]
    assert bookings.read_token(outside.sealer, token) == Booking(1, made)
    assert list(letter.iter_attachments()) == []  # there is no time yet


@pytest.mark.slow
async def test_an_appointment_brings_its_calendar_file(
    shops: Any, in_shop: Any, clock: Any, letters: Any
) -> None:
    def prepare(shop: Shop) -> None:
        server = {"host": "127.0.0.1", "port": letters.port, "encryption": "none"}
        names = {"username": "", "from_address": "garage@example.test"}
        shop.insert("mail_server", server | names)
        body = {"time_from": MONDAY, "description_client": "Ring <twice>"}
        appointments.create(shop, make_visit(shop).values(**body))

    await in_shop(prepare)
    sealer = Sealer((Fernet(Fernet.generate_key()),))
    out = Outside(sealer, public_url="https://garage.example")
    await Sending(shops, schema.TABLES, clock, out, structlog.get_logger()).send_due()
    ((_, letter),) = letters.taken
    assert letter["Subject"] == "Your appointment on Monday 9 March 2026 at 09:00"
    (attached,) = letter.iter_attachments()
    assert attached.get_content_type() == "text/calendar"
    content = attached.get_content()
    calendar = icalendar.Calendar.from_ical(content)
    event: Any = calendar.walk("VEVENT")[0]
    assert event["DTSTART"].dt == MONDAY
    assert event["STATUS"] == "TENTATIVE"
    assert event["LOCATION"] == "Dorpstraat 1, 3511 AB Utrecht"
    assert "Ring &lt;twice&gt;" in letter.get_body(("html",)).get_content()
