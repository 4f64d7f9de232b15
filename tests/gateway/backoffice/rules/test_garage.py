"""The garage's settings and what follows from them."""

from __future__ import annotations

from decimal import Decimal
from io import BytesIO
from typing import Any

import pypdf
import pytest

from gateway.backoffice.rules import garage, press, printing, service_levels, texting, work_orders
from gateway.backoffice.rules.customers import create_customer
from gateway.backoffice.shop import Shop, Values
from tests.gateway.backoffice.rules.test_tickets import book  # noqa: F401 - fixture

NUMBERS = {
    "vat_number": "NL004495445B01",
    "kvk_number": "12345678",
    "iban": "NL91 ABNA 0417 1643 00",
}
LETTERHEAD = {
    "legal_name": "Garage Jansen BV",
    "address": "Dorpstraat 1",
    "place": "2801 AB Gouda",
}


async def test_settings_are_kept_and_checked(repair: Any) -> None:
    status, shown = await repair.ask("GET", "/v1/garage")
    assert (status, shown["tell_customers"], shown["invoice_tickets"]) == (200, "none", False)
    hours = {"mon": "08:00-17:00"}
    body = NUMBERS | {"opening_hours": hours, "quiet_from": "21:00", "quiet_until": "08:00"}
    status, shown = await repair.ask("PUT", "/v1/garage", json=body)
    assert (status, shown["iban"], shown["opening_hours"]) == (200, "NL91ABNA0417164300", hours)
    status, shown = await repair.ask("PATCH", "/v1/garage", json={"phone": "0182-123456"})
    assert (shown["phone"], shown["kvk_number"]) == ("0182-123456", "12345678")
    for name, wrong in (
        ("iban", "NL91ABNA0417164301"),
        ("vat_number", "NL123456789B01"),
        ("kvk_number", "123"),
        ("quiet_from", "9 o'clock"),
        ("opening_hours", {"mon": "8-17"}),
        ("tell_customers", "pigeon"),
    ):
        status, refused = await repair.ask("PUT", "/v1/garage", json={name: wrong})
        assert (status, list(refused["errors"])) == (422, [name])


async def test_changes_leave_a_trail_without_secrets(repair: Any) -> None:
    await repair.ask("PUT", "/v1/garage", json={"phone": "1"})
    await repair.ask("PUT", "/v1/garage", json={"phone": "2"})
    status, made = await repair.ask("POST", "/v1/garage/hook-secret")
    assert (status, len(made["secret"])) == (201, 43)
    entries = (await repair.ask("GET", "/v1/changes?noun=garage_setting"))[1]["data"]
    assert [entry["action"] for entry in entries] == ["changed", "changed", "added"]
    assert entries[1]["changes"] == {"phone": {"old": "1", "new": "2"}}
    assert entries[1]["user_id"] == 1
    assert entries[0]["changes"] == {"hook_secret": {"old": None, "new": "(secret)"}}
    await repair.ask("PUT", "/v1/garage", json={"phone": "2"})
    assert (await repair.ask("GET", "/v1/changes"))[1]["total"] == 3


async def test_a_ticket_becomes_a_draft_where_the_garage_says_so(
    repair: Any,
    book: Any,  # noqa: F811 - the fixture
    in_shop: Any,
) -> None:
    await book()
    assert (await repair.ask("GET", "/invoices"))[1]["data"] == []
    await repair.ask("PUT", "/v1/garage", json={"invoice_tickets": True})
    await book(ticket_id=4712)
    (invoice,) = (await repair.ask("GET", "/invoices"))[1]["data"]
    assert (invoice["status"], invoice["invoice_number"]) == ("draft", None)
    assert (invoice["invoice_date"], invoice["total_incl"]) == ("2026-02-27", 125.84)
    await book(ticket_id=4712)
    await book(ticket_id=4713, lines=[], total="0.00")
    assert (await repair.ask("GET", "/invoices"))[1]["total"] == 1


async def test_a_filed_quarter_moves_the_draft(
    repair: Any,
    book: Any,  # noqa: F811 - the fixture
    in_shop: Any,
) -> None:
    await repair.ask("PUT", "/v1/garage", json={"invoice_tickets": True})

    def file(shop: Shop) -> None:
        shop.insert("vat_period", {"year": 2025, "quarter": 4, "status": "filed"})

    await in_shop(file)
    await book(finished_at="2025-12-30T12:00:00Z")
    (invoice,) = (await repair.ask("GET", "/invoices"))[1]["data"]
    assert invoice["invoice_date"] == "2026-03-02"


async def test_the_invoice_bears_the_garages_numbers(in_shop: Any) -> None:
    def make(shop: Shop) -> Any:
        garage.change(shop, NUMBERS | LETTERHEAD)
        customer_id = create_customer(shop, {"first_name": "Jan"})
        row = {"customer_id": customer_id, "invoice_date": shop.today, "status": "draft"}
        invoice_id = shop.insert("invoice", row)
        line = {"invoice_id": invoice_id, "description": "Work", "quantity": Decimal(1)}
        shop.insert("invoice_line", line | {"unit_price": Decimal(50), "vat_rate": Decimal(21)})
        return printing.invoice_paper(shop, invoice_id)[1]

    text = pypdf.PdfReader(BytesIO(press.pdf(await in_shop(make)))).pages[0].extract_text()
    for part in (
        "Garage Jansen BV",
        "Dorpstraat 1",
        "2801 AB Gouda",
        "NL004495445B01",
        "KvK 12345678",
    ):
        assert part in text
    assert "IBAN NL91 ABNA 0417 1643 00" in text


def _order(shop: Shop, **person: Any) -> Values:
    customer_id = create_customer(shop, {"first_name": "Jan"} | person)
    order_id = work_orders.open_order(shop, {"customer_id": customer_id})
    return shop.get("work_order", order_id)


@pytest.mark.parametrize(
    ("own", "preferred", "letters", "messages"),
    [
        ("none", None, 0, 0),
        ("email", None, 2, 0),
        ("email", "none", 0, 0),
        ("none", "sms", 0, 2),
        ("sms", "email", 2, 0),
    ],
)
async def test_customers_hear_of_their_order_as_they_prefer(
    in_shop: Any, own: str, preferred: str | None, letters: int, messages: int
) -> None:
    def story(shop: Shop) -> None:
        shop.insert(
            "integration", {"slug": "twilio", "is_enabled": True, "config": {}, "secrets": {}}
        )
        garage.change(shop, {"tell_customers": own})
        person = {"email": "jan@example.test", "mobile_phone": "0612345678"}
        order = _order(shop, **person, message_channel=preferred)
        work_orders.change_order(shop, order, {"status": "diagnosing"})  # the shop's own affair
        note = {"work_order_id": order["id"], "note": "<b>Ready</b> at 5"}
        work_orders.add_note(shop, note | {"is_internal": True})
        work_orders.add_note(shop, note | {"is_internal": False})
        order = shop.get("work_order", order["id"])
        work_orders.change_order(shop, order, {"status": "in_repair"})
        mail, sms = shop.where("outgoing_mail"), shop.where("sms_message")
        assert (len(mail), len(sms)) == (letters, messages)
        if mail:
            assert "&lt;b&gt;Ready" in mail[0]["body_html"]
            assert "In Repair" in mail[1]["body_html"]
        if sms:
            assert sms[0]["phone"] == "+31612345678"

    await in_shop(story)


async def test_nothing_is_sent_in_quiet_hours(in_shop: Any, clock: Any) -> None:
    def prepare(shop: Shop) -> None:
        garage.change(shop, {"quiet_from": "09:00", "quiet_until": "11:00"})
        texting.queue_sms(shop, "+31612345678", "Hello")

    await in_shop(prepare)  # 10:30 at the garage
    assert await in_shop(texting.due_sms) == []
    clock.advance(1_800)
    assert len(await in_shop(texting.due_sms)) == 1


async def test_service_levels_run_in_opening_hours(in_shop: Any, clock: Any) -> None:
    def prepare(shop: Shop) -> None:
        garage.change(shop, {"opening_hours": {"mon": "08:00-11:00", "tue": "08:00-11:00"}})
        policy = {"name": "Quick", "response_hours": 1, "resolution_hours": 2}
        service_levels.create_policy(shop, policy)
        _order(shop)  # on a Monday, 10:30

    await in_shop(prepare)
    clock.advance(8 * 3_600)
    assert (await in_shop(service_levels.run_check))["new_breaches"] == 0
    clock.advance(14 * 3_600)  # Tuesday, 08:30: an hour of opening has passed
    clock.advance(60)
    assert (await in_shop(service_levels.run_check))["new_breaches"] == 1


async def test_waiting_for_parts_pauses_by_opening_hours(in_shop: Any, clock: Any) -> None:
    def prepare(shop: Shop) -> int:
        garage.change(shop, {"opening_hours": {"mon": "08:00-11:00", "tue": "08:00-11:00"}})
        order = _order(shop)
        for status in ("in_repair", "waiting_parts"):
            order = shop.get("work_order", order["id"])
            work_orders.change_order(shop, order, {"status": status})
        return int(order["id"])

    order_id = await in_shop(prepare)
    clock.advance(86_400)

    def go_on(shop: Shop) -> Any:
        order = shop.get("work_order", order_id)
        work_orders.change_order(shop, order, {"status": "in_repair"})
        return shop.get("work_order", order_id)["paused_seconds"]

    assert await in_shop(go_on) == 3 * 3_600
